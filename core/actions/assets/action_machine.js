// When something is to happen on a live camera: a class has to be seen for a second before it does, and to be gone for a
// while before it does again. What comes and goes within a moment counts as neither. Pure: a state in, a state out.

export const ACTION_RULES = Object.freeze({
  enterShare: 0.6, // probability from which a class counts as seen
  stayShare: 0.4, // and above which it goes on counting, once something happens
  holdMilliseconds: 1000, // it has to be seen for so long
  forgiveMilliseconds: 300, // within which a moment without it does not count
  releaseMilliseconds: 700, // it has to be gone for so long
  gapMilliseconds: 4000, // a longer silence of the camera is no time in which anything was seen
  longestMilliseconds: 8000, // what is shown ends then, whatever is seen
});

export const NOTHING_SEEN = Object.freeze({
  candidate: null, // label that is being waited for
  since: 0, // when that began
  seenAt: 0, // when it was seen last
  active: null, // label at which something happens, or has happened and is still seen
  activeSince: 0,
  activeSeenAt: 0,
  isOver: false, // whether what happens has been shown for long enough
  at: 0, // of the last answer
});

// The state after one more answer. `label`: the likeliest class, null where nothing is recognised; `share`: its
// probability; `at`: milliseconds that only grow.
export function stepActions(state, { label, share, at }, rules = ACTION_RULES) {
  const limit = label === state.active ? rules.stayShare : rules.enterShare;
  const seen = label !== null && share >= limit ? label : null;
  const isGap = at - state.at > rules.gapMilliseconds;
  const waited = waitedFor(isGap ? { ...state, candidate: null } : state, { seen, at }, rules);
  const held = heldAt(state, { seen, at, isGap }, rules);
  const isLongEnough = waited.candidate !== null && seen === waited.candidate && at - waited.since >= rules.holdMilliseconds;
  const begins = isLongEnough && waited.candidate !== held.active;
  const now = begins ? { active: seen, activeSince: at, activeSeenAt: at, isOver: false } : held;
  const isOver = now.active !== null && (now.isOver || at - now.activeSince >= rules.longestMilliseconds);
  return { ...waited, ...now, isOver, at };
}

// The class at which something is to be seen and heard now; null: none.
export function shownClass(state) {
  return state.isOver ? null : state.active;
}

function waitedFor({ candidate, since, seenAt }, { seen, at }, rules) {
  if (seen !== null && seen === candidate) return { candidate, since, seenAt: at };
  const isForgiven = seen === null && candidate !== null && at - seenAt <= rules.forgiveMilliseconds;
  return isForgiven ? { candidate, since, seenAt } : { candidate: seen, since: at, seenAt: at };
}

function heldAt({ active, activeSince, activeSeenAt, isOver }, { seen, at, isGap }, rules) {
  if (active === null) return { active, activeSince, activeSeenAt, isOver };
  if (seen === active && !isGap) return { active, activeSince, activeSeenAt: at, isOver };
  const isGone = isGap || at - activeSeenAt >= rules.releaseMilliseconds;
  return isGone ? { active: null, activeSince: 0, activeSeenAt: 0, isOver: false } : { active, activeSince, activeSeenAt, isOver };
}
