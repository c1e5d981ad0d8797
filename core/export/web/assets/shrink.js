// A photo of a camera is large. Bluetit has the JPEG decoder make it 2, 4 or 8 times smaller on the way: brightness becomes
// the mean of as many pixels in each direction, and so do the two colour differences, which most files hold for every
// second pixel only, and which a browser has spread over all pixels before anybody can read them. Here they are gathered
// again.
//
// Source: libjpeg-turbo: jidctred.c ("the same result as averaging adjacent outputs"), jdsample.c ("fancy upsampling": each
// pixel has 3/4 of the nearer sample and 1/4 of the next), jdcolor.c; Pillow's Image.draft

const ORIENTATION_TAG = 0x01_12;
// Orientations of EXIF with which the photo's last column, or row, comes first when it is shown upright.
const TURNED_ASIDE = new Set([2, 3, 6, 7]);
const TURNED_OVER = new Set([3, 4, 7, 8]);
// Brightness of red, green and blue, and how colours are made of the differences to it.
const [RED, GREEN, BLUE] = [0.299, 0.587, 0.114];
const [RED_BY, BLUE_BY] = [1.402, 1.772];
const RESULTS = 4; // for each pixel: brightness, and red, green and blue with sharper colours

// By how much a JPEG is made smaller so that its shortest side keeps as many pixels as the network needs.
export function divisorFor(width, height, shortestSide) {
  const scale = Math.floor(Math.min(width, height) / shortestSide);
  return [8, 4, 2].find((by) => scale >= by) ?? 1;
}

// The pixels that go into each pixel of the result: one before its own, its own, one after. They are counted from the
// file's first one; beyond the edges the last pixel is repeated.
function tapsOf(length, divisor, isTurned) {
  const wanted = Math.ceil(length / divisor);
  return Array.from({ length: wanted }, (_, index) => {
    const start = isTurned ? length - (wanted - index) * divisor : index * divisor;
    return Array.from({ length: divisor + 2 }, (__, at) => Math.min(Math.max(start - 1 + at, 0), length - 1));
  });
}

function meanWeights(divisor) {
  return [0, ...Array.from({ length: divisor }, () => 1 / divisor), 0];
}

// Takes back that samples for every second pixel were spread over all: of 3/4 a + 1/4 b and 3/4 b + 1/4 a comes a.
function gatheringWeights(divisor) {
  const middle = Array.from({ length: divisor - 2 }, () => 2);
  return [-1, 3, ...middle, 3, -1].map((weight) => weight / (2 * divisor));
}

// A photo of which rows are read a strip at a time, made smaller; `readRows(top, rows)` gives red, green, blue and alpha.
export function shrink({ width, height, readRows }, { divisor, orientation, hasHalfColours, stripRows }) {
  const columns = tapsOf(width, divisor, TURNED_ASIDE.has(orientation));
  const rows = tapsOf(height, divisor, TURNED_OVER.has(orientation));
  const means = meanWeights(divisor);
  const weights = { means, colours: hasHalfColours ? gatheringWeights(divisor) : means };
  const step = columns.length * RESULTS;
  const narrow = new Float32Array(step * height);
  for (let top = 0; top < height; top += stripRows) {
    const count = Math.min(stripRows, height - top);
    addAcross(readRows(top, count), { width, count, columns, weights, target: narrow.subarray(top * step) });
  }
  const data = new Uint8ClampedArray(columns.length * rows.length * 3);
  let place = 0;
  for (const lines of rows) {
    for (let x = 0; x < step; x += RESULTS) {
      addDown(narrow, { lines, step, x, weights, target: data.subarray(place, place + 3) });
      place += 3;
    }
  }
  return { width: columns.length, height: rows.length, data };
}

function addAcross(pixels, { width, count, columns, weights: { means, colours }, target }) {
  let place = 0;
  for (let row = 0; row < count; row += 1) {
    for (const taps of columns) {
      let [brightness, red, green, blue] = [0, 0, 0, 0];
      for (let tap = 0; tap < taps.length; tap += 1) {
        const from = (row * width + taps[tap]) * 4;
        const [weight, mean] = [colours[tap], means[tap]];
        red += pixels[from] * weight;
        green += pixels[from + 1] * weight;
        blue += pixels[from + 2] * weight;
        brightness += (pixels[from] * RED + pixels[from + 1] * GREEN + pixels[from + 2] * BLUE) * mean;
      }
      target[place] = brightness;
      target[place + 1] = red;
      target[place + 2] = green;
      target[place + 3] = blue;
      place += RESULTS;
    }
  }
}

// One pixel, rounded as the decoder rounds: brightness and colour differences first, then red, green and blue.
function addDown(narrow, { lines, step, x, weights: { means, colours }, target }) {
  let [brightness, red, green, blue] = [0, 0, 0, 0];
  for (let tap = 0; tap < lines.length; tap += 1) {
    const from = lines[tap] * step + x;
    const weight = colours[tap];
    brightness += narrow[from] * means[tap];
    red += narrow[from + 1] * weight;
    green += narrow[from + 2] * weight;
    blue += narrow[from + 3] * weight;
  }
  const sharp = red * RED + green * GREEN + blue * BLUE;
  const light = Math.round(brightness);
  const toRed = Math.round((red - sharp) / RED_BY) * RED_BY;
  const toBlue = Math.round((blue - sharp) / BLUE_BY) * BLUE_BY;
  target[0] = Math.round(light + toRed);
  target[1] = Math.round(light - (toRed * RED + toBlue * BLUE) / GREEN);
  target[2] = Math.round(light + toBlue);
}

export function isJpeg(bytes) {
  return bytes[0] === 0xff && bytes[1] === 0xd8 && bytes[2] === 0xff;
}

// What the beginning of a JPEG says: how it is to be turned, 1 to 8 as in EXIF (1, as it is, where nothing says so), and
// whether it holds colours for every second pixel of every second row only.
export function readHead(bytes) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const found = { orientation: 1, hasHalfColours: false };
  let at = 2;
  while (at + 18 < view.byteLength && view.getUint8(at) === 0xff) {
    const marker = view.getUint8(at + 1);
    if (marker === 0xe1 && view.getUint32(at + 4) === 0x45_78_69_66) found.orientation = orientationIn(view, at + 10);
    if (marker === 0xc0 || marker === 0xc1 || marker === 0xc2) {
      found.hasHalfColours = isHalved(bytes.subarray(at, at + 18));
      return found;
    }
    at += 2 + view.getUint16(at + 2);
  }
  return found;
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
