// How answers come from the server: asked for while photos wait, and otherwise once a minute, by which the server knows
// that somebody is here. `docs/routes.md` says what it answers.

const HASTY_MILLISECONDS = 1000;
const IDLE_MILLISECONDS = 60_000;
const BUSY_MILLISECONDS = 250; // between two looks while many photos are being answered
const NUM_FEW = 3; // photos; their answers are looked for at once
const QUICK_MILLISECONDS = 10;
const TIMEOUT_MILLISECONDS = 30_000; // the server answers after ten seconds at the latest
const FIRST_PATIENCE_MILLISECONDS = 500;
const LONGEST_PATIENCE_MILLISECONDS = 15_000;
const TELL_AFTER_MILLISECONDS = 4000;
const EXPECTED_MILLISECONDS = 20_000; // after somebody has given photos
const MAX_STORES = 8;

const GONE =
  "These photos are not on the server any more: it was started anew, or nobody had been here for long. Reload the page to go on.";
const UNREACHABLE = "The server does not answer. What is here stays here; this page keeps trying.";

// What is known of the photos of a batch, as one network answers them; kept when React rebuilds the component, and for
// the way back to a network.
const stores = new Map();

function storeOf(url) {
  const store = stores.get(url) ?? new AnswerStore();
  stores.delete(url);
  stores.set(url, store);
  if (stores.size > MAX_STORES) stores.delete(stores.keys().next().value);
  return store;
}

class AnswerStore {
  constructor() {
    this.photos = new Map(); // by id
    this.ids = []; // of all photos, in the order of arrival, those included of which no more is known yet
    this.removed = new Set(); // by the person, whatever the server still says; ids do not come a second time
    this.version = 0; // up to which everything is known
    this.seenVersion = 0; // the latest of which anything is known
    this.isRunning = false;
    this.secondsLeft = null;
  }

  // What the page knew when it was made: all, or of some photos only; and perhaps older than what is here.
  takeSeed(seed) {
    if (seed.version > this.seenVersion) this.take(seed, { isWhole: seed.is_whole });
  }

  // All that has changed since our version, or is there; or a part of it, which leaves our version as it is.
  take(answer, { isWhole = true } = {}) {
    this.seenVersion = Math.max(this.seenVersion, answer.version);
    if (isWhole) this.version = answer.version;
    this.isRunning = answer.is_running;
    this.secondsLeft = answer.seconds_left;
    answer.photos.forEach((photo) => this.photos.set(photo.id, photo));
    if (answer.photo_ids === null) return;
    this.ids = answer.photo_ids;
    const there = new Set(this.ids);
    [...this.photos.keys()].filter((id) => !there.has(id)).forEach((id) => this.photos.delete(id));
  }

  remove(ids) {
    ids.forEach((id) => this.removed.add(id));
  }

  putBack(ids) {
    ids.forEach((id) => this.removed.delete(id));
  }

  get shownIds() {
    return this.ids.filter((id) => !this.removed.has(id));
  }

  // Those of which something is known, in the order of arrival.
  get shownPhotos() {
    return this.shownIds.map((id) => this.photos.get(id)).filter(Boolean);
  }

  get numWaiting() {
    const isSettled = (id) => this.photos.has(id) && !isWaiting(this.photos.get(id));
    return this.shownIds.filter((id) => !isSettled(id)).length;
  }
}

class AnswerFeed {
  constructor(onChange) {
    this.onChange = onChange;
    this.url = null;
    this.problem = "";
    this.isGone = false;
    this.timer = null;
    this.request = null; // that is under way
    this.expectedUntil = 0;
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.lookNow(); }, { signal });
    window.addEventListener("online", () => this.lookNow(), { signal });
    // Photos are on their way: whoever listens already when they arrive has the answer before the page is made anew.
    const expect = (kind, isGiven) =>
      document.addEventListener(kind, (event) => { if (isGiven(event)) this.expectPhotos(); }, { capture: true, signal });
    expect("change", ({ target }) => target.type === "file");
    expect("drop", () => true);
    expect("paste", () => true);
    // Another tab with the same photos has seen something new.
    this.tabs = new BroadcastChannel("bluetit answers");
    this.tabs.addEventListener("message", ({ data }) => {
      if (data.url === this.url && data.version > this.store.version) this.lookNow();
    });
  }

  follow(url) {
    if (url !== this.url) {
      this.url = url;
      this.store = storeOf(url);
      this.isGone = false;
      this.recover();
      this.request?.abort();
      this.request = null; // it is about other photos
    }
    return this.store;
  }

  expectPhotos() {
    this.expectedUntil = performance.now() + EXPECTED_MILLISECONDS;
    this.listen();
  }

  // Ask at once, unless there is a request already, which the server answers as soon as there is something new.
  listen() {
    if (!this.request) this.lookNow();
  }

  // Ask at once, whatever was planned; a request that is under way may have been cut off long ago.
  lookNow() {
    if (this.isGone || !this.url) return;
    clearTimeout(this.timer);
    this.request?.abort();
    this.look();
  }

  lookIn(milliseconds) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.look(), milliseconds);
  }

  async look() {
    const { url, store } = this;
    const request = new AbortController();
    this.request = request;
    this.askedAt = performance.now();
    const patience = setTimeout(() => request.abort(), TIMEOUT_MILLISECONDS);
    let outcome = {};
    try {
      const response = await fetch(`${url}?since=${store.version}`, { signal: request.signal });
      outcome = { status: response.status, retryAfter: Number(response.headers.get("Retry-After")), body: await response.json() };
    } catch {
      outcome = { status: 0 }; // unreachable, cut off, or a server on the way that speaks no JSON
    }
    clearTimeout(patience);
    if (this.request !== request) return; // another one has taken its place
    this.request = null;
    if (outcome.status === 200) this.onAnswer(store, outcome.body);
    else this.onFailure(outcome);
  }

  onAnswer(store, answer) {
    const hasChanged = answer.version !== store.version || answer.photos.length > 0 || answer.photo_ids !== null;
    this.recover();
    store.take(answer);
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- this is a channel, which takes none
    if (hasChanged) this.tabs.postMessage({ url: this.url, version: answer.version });
    this.onChange();
    const isHasty = !hasChanged && performance.now() - this.askedAt < HASTY_MILLISECONDS;
    const isIdle = store.numWaiting === 0 && !store.isRunning && performance.now() > this.expectedUntil;
    // In a tab that nobody sees, once a minute is enough.
    if (document.hidden || isIdle) this.lookIn(IDLE_MILLISECONDS);
    else if (isHasty) this.lookIn(HASTY_MILLISECONDS); // it does not wait for what may come
    else this.lookIn(store.numWaiting > NUM_FEW ? BUSY_MILLISECONDS : QUICK_MILLISECONDS);
  }

  onFailure({ status, retryAfter, body }) {
    if (status === 404) {
      this.isGone = true;
      this.tell(GONE);
      return;
    }
    this.numFailures += 1;
    this.failingSince ??= performance.now();
    const patience = Math.min(LONGEST_PATIENCE_MILLISECONDS, FIRST_PATIENCE_MILLISECONDS * 2 ** (this.numFailures - 1));
    this.lookIn(Math.max(patience, 1000 * (retryAfter || 0)));
    if (status === 403) this.tell(body?.error ?? UNREACHABLE);
    else if (performance.now() - this.failingSince > TELL_AFTER_MILLISECONDS) this.tell(body?.error ?? UNREACHABLE);
  }

  tell(problem) {
    this.problem = problem;
    this.onChange();
  }

  recover() {
    this.problem = "";
    this.numFailures = 0;
    this.failingSince = null;
  }

  destroy() {
    this.listeners.abort();
    this.tabs.close();
    clearTimeout(this.timer);
    this.request?.abort();
    this.request = null;
    this.url = null;
  }
}
