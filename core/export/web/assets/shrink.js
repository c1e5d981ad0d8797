// A photo of a camera is large. Bluetit has the JPEG decoder make it 2, 4 or 8 times smaller on the way: brightness becomes
// the mean of as many pixels in each direction, and so do the two colour differences, which most files hold for every
// second pixel only, and which a browser has spread over all pixels before anybody can read them. Here they are gathered
// again.
//
// Source: libjpeg-turbo: jidctred.c ("the same result as averaging adjacent outputs"), jdsample.c ("fancy upsampling": each
// pixel has 3/4 of the nearer sample and 1/4 of the next), jdcolor.c; Pillow's Image.draft

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
