// What the beginning of a JPEG file says, as far as it counts for what is seen.

export const HEAD_BYTES = 262_144; // it stands within the first 64 kB, after little else

const ORIENTATION_TAG = 0x01_12;
const FRAMES = new Set([0xc0, 0xc1, 0xc2]); // what says how large the photo is
// Four letters as a number: "Exif", "ICC_", and "RGB " in the profile.
const [EXIF, PROFILE, RGB] = [0x45_78_69_66, 0x49_43_43_5f, 0x52_47_42_20];

export function isJpeg(bytes) {
  return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
}

// The parts before the pixels: { marker, at, end }, `at` and `end` being places in the file.
function segmentsOf(view) {
  const found = [];
  let at = 2;
  while (at + 18 < view.byteLength && view.getUint8(at) === 0xff) {
    const marker = view.getUint8(at + 1);
    const end = at + 2 + view.getUint16(at + 2);
    found.push({ marker, at, end });
    if (FRAMES.has(marker)) break; // then come the pixels
    at = end;
  }
  return found;
}

function viewOf(bytes) {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

// What the beginning of a JPEG says: how it is to be turned, 1 to 8 as in EXIF (1, as it is, where nothing says so), and
// whether it holds colours for every second pixel of every second row only.
export function readHead(bytes) {
  const view = viewOf(bytes);
  const found = { orientation: 1, hasHalfColours: false };
  for (const { marker, at } of segmentsOf(view)) {
    if (marker === 0xe1 && view.getUint32(at + 4) === EXIF) found.orientation = orientationIn(view, at + 10);
    if (FRAMES.has(marker)) found.hasHalfColours = isHalved(bytes.subarray(at, at + 18));
  }
  return found;
}

// A JPEG without a colour profile of grey or of printers' inks: browsers apply it, Bluetit does not.
export async function withPlainColours(file) {
  const bytes = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
  if (!isJpeg(bytes)) return file;
  const view = viewOf(bytes);
  const profiles = segmentsOf(view).filter(({ marker, at }) => marker === 0xe2 && view.getUint32(at + 4) === PROFILE);
  const space = profiles.length > 0 && profiles[0].at + 38 < bytes.length ? view.getUint32(profiles[0].at + 34) : RGB;
  if (space === RGB) return file;
  let kept = 0;
  const parts = [];
  for (const { at, end } of profiles) {
    parts.push(file.slice(kept, at));
    kept = end;
  }
  return new Blob([...parts, file.slice(kept)], { type: "image/jpeg" });
}

// `frame`: what says how many samples there are; of brightness two in each direction for one of each colour difference.
function isHalved(frame) {
  const [components, brightness, ...colours] = [9, 11, 14, 17].map((place) => frame[place]);
  return components === 3 && brightness === 0x22 && colours.every((factors) => factors === 0x11);
}

function orientationIn(view, start) {
  const isLittle = view.getUint16(start) === 0x49_49;
  const entries = start + view.getUint32(start + 4, isLittle);
  if (entries + 2 > view.byteLength) return 1;
  const count = view.getUint16(entries, isLittle);
  for (let entry = entries + 2; entry < entries + 2 + 12 * count && entry + 10 <= view.byteLength; entry += 12) {
    if (view.getUint16(entry, isLittle) === ORIENTATION_TAG) return view.getUint16(entry + 8, isLittle);
  }
  return 1;
}
