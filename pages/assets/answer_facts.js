// What is to be told of the answers to photos, and which are shown in what order; `docs/routes.md` says what an answer has.

const NOT_KNOWN = "I don't know";

const ORDERS = [
  { title: "Newest first", key: (photo) => [-photo.id] },
  { title: "Surest first", key: (photo) => [-bestProbability(photo)] },
  { title: "Least sure first", key: (photo) => [bestProbability(photo)] },
  {
    title: "By answer",
    key: (photo) => [Number(bestLabel(photo) === ""), Number(isRefused(photo)), bestLabel(photo).toLowerCase()],
  },
  { title: "By file name", key: (photo) => [photo.name.toLowerCase()] },
];

const COLUMNS = [
  { title: "Photo", text: (photo) => photo.name },
  { title: "Verdict", text: markOf },
  { title: "Answer", text: (photo) => (isRefused(photo) ? "" : bestLabel(photo)) },
  { title: "Probability", text: (photo) => (isRefused(photo) ? "" : photo.classes?.[0].percent ?? ""), isShare: true },
  { title: "It would guess", text: guessOf, isWanted: (photos) => photos.some(isRefused) },
  { title: "Kind", text: groupOf, isWanted: (photos) => photos.some((photo) => groupOf(photo) !== "") },
  { title: "Second", text: (photo) => labelOf(photo, 1), isWanted: (photos) => photos.some((photo) => labelOf(photo, 1)) },
  { title: "Third", text: (photo) => labelOf(photo, 2), isWanted: (photos) => photos.some((photo) => labelOf(photo, 2)) },
];

function isWaiting(photo) {
  return !photo.error && !photo.classes;
}

function isRefused(photo) {
  return photo.verdict?.kind === "refused";
}

// Whether nobody should rely on it: nothing fits well, or the model does not know.
function isUnsure(photo) {
  return isRefused(photo) || photo.verdict?.kind === "unlikely";
}

function labelOf(photo, rank) {
  return photo.classes?.[rank]?.label ?? "";
}

function bestLabel(photo) {
  return labelOf(photo, 0);
}

function bestProbability(photo) {
  return photo.classes?.[0].probability ?? 0;
}

function groupOf(photo) {
  return photo.verdict?.group ?? "";
}

// A class may be called *right*, *None* or *unsure*: its name stands in quotation marks, what is said beside it not.
function quoted(name) {
  return `“${name}”`;
}

function markOf(photo) {
  if (photo.error) return `✗ ${photo.error}`;
  if (isWaiting(photo)) return "… waiting";
  if (isRefused(photo)) return `? ${NOT_KNOWN}`;
  return isUnsure(photo) ? "? not sure" : "✓";
}

function guessOf(photo) {
  return isRefused(photo) ? `${quoted(bestLabel(photo))}, ${photo.classes[0].percent}` : "";
}

// The bars in words, for people who do not see them.
function describeClasses(classes) {
  return classes.map(({ label, percent }) => `${label} ${percent}`).join(", ");
}

// All photos in one line, such as "12 photos: 10 recognised, 1 unsure, 1 refused".
function summarise(numPhotos, photos) {
  const numRefused = photos.filter(({ error }) => error).length;
  const numNotKnown = photos.filter(isRefused).length;
  const numUnsure = photos.filter(isUnsure).length - numNotKnown;
  const numAnswered = photos.filter(({ classes }) => classes).length;
  const numWaiting = numPhotos - numAnswered - numRefused; // those among them of which no more is known than that
  const parts = [
    `${numAnswered - numUnsure - numNotKnown} recognised`,
    numUnsure > 0 && `${numUnsure} unsure`,
    numNotKnown > 0 && `${numNotKnown} not known`,
    numRefused > 0 && `${numRefused} refused`,
    numWaiting > 0 && `${numWaiting} waiting`,
  ];
  const noun = numPhotos === 1 ? "photo" : "photos";
  return `${numPhotos.toLocaleString("en")} ${noun}: ${parts.filter(Boolean).join(", ")}`;
}

function timeLeft(seconds) {
  if (seconds === null || seconds === undefined) return "";
  if (seconds < 1.5) return " · about a second left";
  return seconds < 90 ? ` · about ${seconds.toFixed(0)} seconds left` : ` · about ${(seconds / 60).toFixed(0)} minutes left`;
}

// The photos that have a text in file name, answer or kind, in the order asked for.
function arrange(photos, { order, text, onlyUnsure }) {
  const wanted = text.trim().toLowerCase();
  const { key } = ORDERS.find(({ title }) => title === order);
  return photos
    .filter((photo) => searchable(photo).includes(wanted) && (!onlyUnsure || photo.error || isUnsure(photo)))
    .map((photo) => ({ photo, rank: key(photo) }))
    .toSorted((one, other) => compare(one.rank, other.rank))
    .map(({ photo }) => photo);
}

function searchable(photo) {
  const refused = isRefused(photo) ? NOT_KNOWN : "";
  return `${photo.name} ${bestLabel(photo)} ${groupOf(photo)} ${refused}`.toLowerCase();
}

function compare(one, other) {
  for (let place = 0; place < one.length; place += 1) {
    if (one[place] < other[place]) return -1;
    if (one[place] > other[place]) return 1;
  }
  return 0;
}
