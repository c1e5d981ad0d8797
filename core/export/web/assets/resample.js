// A picture made smaller as Pillow does it, to the bit. A browser's own canvas scales otherwise, and a network that was
// asked about other pixels than the preview's answers otherwise.
//
// A picture is { width, height, data }: red, green and blue of each pixel, 0-255, row after row.
// Source: src/libImaging/Resample.c and Reduce.c of Pillow, https://github.com/python-pillow/Pillow

const CHANNELS = 3;
const CUBIC_REACH = 2; // pixels on each side that bicubic looks at, when nothing is made smaller
const CUBIC_SLOPE = -0.5;
const WEIGHT_BITS = 22; // of Pillow's whole-number weights, behind the point

function cubic(distance) {
  const x = Math.abs(distance);
  if (x < 1) return ((CUBIC_SLOPE + 2) * x - (CUBIC_SLOPE + 3)) * x * x + 1;
  if (x < CUBIC_REACH) return (((x - 5) * x + 8) * x - 4) * CUBIC_SLOPE;
  return 0;
}

// For each pixel of the result: the first pixel that it is made of, and the weights of that and the following ones.
function cubicWeights({ length, start, end, wanted }) {
  const scale = (end - start) / wanted;
  const widening = Math.max(scale, 1);
  const reach = CUBIC_REACH * widening;
  return Array.from({ length: wanted }, (_, index) => {
    const centre = start + (index + 0.5) * scale;
    const first = Math.max(0, Math.trunc(centre - reach + 0.5));
    const last = Math.min(length, Math.trunc(centre + reach + 0.5));
    const exact = Array.from({ length: last - first }, (__, at) => cubic((first + at - centre + 0.5) / widening));
    const total = exact.reduce((sum, weight) => sum + weight, 0);
    const weights = exact.map((weight) => {
      const value = (weight / total) * 2 ** WEIGHT_BITS;
      return Math.trunc(value < 0 ? value - 0.5 : value + 0.5);
    });
    return { first, weights };
  });
}

// One pass: along rows (`step` of one pixel) or along columns (`step` of one row).
function weightedSum(data, { at, step, weights }) {
  let sum = 2 ** (WEIGHT_BITS - 1);
  let index = at;
  for (const weight of weights) {
    sum += data[index] * weight;
    index += step;
  }
  return sum >> WEIGHT_BITS;
}

function resampleRows(picture, columns) {
  const { height } = picture;
  const width = columns.length;
  const data = new Uint8ClampedArray(width * height * CHANNELS);
  let target = 0;
  for (let y = 0; y < height; y += 1) {
    const row = y * picture.width;
    for (const { first, weights } of columns) {
      const at = (row + first) * CHANNELS;
      for (let channel = 0; channel < CHANNELS; channel += 1) {
        data[target] = weightedSum(picture.data, { at: at + channel, step: CHANNELS, weights });
        target += 1;
      }
    }
  }
  return { width, height, data };
}

function resampleColumns(picture, rows) {
  const { width } = picture;
  const height = rows.length;
  const step = width * CHANNELS;
  const data = new Uint8ClampedArray(step * height);
  let target = 0;
  for (const { first, weights } of rows) {
    for (let x = 0; x < step; x += 1) {
      data[target] = weightedSum(picture.data, { at: first * step + x, step, weights });
      target += 1;
    }
  }
  return { width, height, data };
}

// The mean of each block of `wide` by `high` pixels; at the right and the lower edge of what is left of one.
function reduce(picture, { wide, high, box }) {
  const [left, top, right, bottom] = box;
  const width = Math.ceil((right - left) / wide);
  const height = Math.ceil((bottom - top) / high);
  const data = new Uint8ClampedArray(width * height * CHANNELS);
  let target = 0;
  for (let y = top; y < bottom; y += high) {
    for (let x = left; x < right; x += wide) {
      const columns = Math.min(wide, right - x);
      const rows = Math.min(high, bottom - y);
      const sums = blockSums(picture, { x, y, columns, rows });
      const count = columns * rows;
      // Pillow multiplies by a rounded 1 / count instead of dividing.
      const factor = Math.floor(2 ** 24 / count);
      for (const sum of sums) {
        data[target] = Math.floor(((sum + Math.floor(count / 2)) * factor) / 2 ** 24);
        target += 1;
      }
    }
  }
  return { width, height, data };
}

function blockSums({ data, width }, { x, y, columns, rows }) {
  let red = 0;
  let green = 0;
  let blue = 0;
  for (let row = y; row < y + rows; row += 1) {
    let index = (row * width + x) * CHANNELS;
    const end = index + columns * CHANNELS;
    while (index < end) {
      red += data[index];
      green += data[index + 1];
      blue += data[index + 2];
      index += CHANNELS;
    }
  }
  return [red, green, blue];
}

// A box, [left, top, right, bottom] with fractions of pixels, of a picture brought to a size, bicubic; where it becomes
// more than `reducingGap` times smaller, blocks of whole pixels are averaged first.
export function resize(picture, { width, height, box, reducingGap }) {
  let [left, top, right, bottom] = box;
  let source = picture;
  if (source.width === width && source.height === height && left === 0 && top === 0 && right === width && bottom === height) {
    return source;
  }
  const wide = Math.trunc((right - left) / width / reducingGap) || 1;
  const high = Math.trunc((bottom - top) / height / reducingGap) || 1;
  if (wide > 1 || high > 1) {
    const safe = safeBox(source, { width, height, box });
    source = reduce(source, { wide, high, box: safe });
    [left, right] = [(left - safe[0]) / wide, (right - safe[0]) / wide];
    [top, bottom] = [(top - safe[1]) / high, (bottom - safe[1]) / high];
  }
  const columns = { length: source.width, start: left, end: right, wanted: width };
  const rows = { length: source.height, start: top, end: bottom, wanted: height };
  // The order counts, for each pass rounds. Pillow 13 begins with the one that saves it work.
  const saved = source.height - height;
  const beginsDown = saved > 0 && saved > 2 * (source.width - width);
  return beginsDown ? along(down(source, rows), columns) : down(along(source, columns), rows);
}

function isNeeded({ length, start, end, wanted }) {
  return wanted !== length || start !== 0 || end !== wanted;
}

function along(picture, columns) {
  return isNeeded(columns) ? resampleRows(picture, cubicWeights(columns)) : picture;
}

function down(picture, rows) {
  return isNeeded(rows) ? resampleColumns(picture, cubicWeights(rows)) : picture;
}

// The box in whole pixels, with those around it that bicubic looks at, too.
function safeBox(picture, { width, height, box: [left, top, right, bottom] }) {
  const aside = ((right - left) / width) * (CUBIC_REACH - 0.5);
  const above = ((bottom - top) / height) * (CUBIC_REACH - 0.5);
  return [
    Math.max(0, Math.trunc(left - aside)),
    Math.max(0, Math.trunc(top - above)),
    Math.min(picture.width, Math.ceil(right + aside)),
    Math.min(picture.height, Math.ceil(bottom + above)),
  ];
}

// As Python rounds: a half to the even neighbour.
function roundHalfEven(value) {
  const lower = Math.floor(value);
  const rest = value - lower;
  if (rest !== 0.5) return Math.round(value);
  return lower % 2 === 0 ? lower : lower + 1;
}

// The rectangle that the network sees of a photo; `input` says how the model was trained.
export function fit(picture, input) {
  const { width, height, cropFraction, reducingGap } = input;
  if (input.fitMode === "squash") {
    return resize(picture, { width, height, box: [0, 0, picture.width, picture.height], reducingGap });
  }
  if (input.fitMode === "letterbox") return letterbox(picture, input);
  const scale = Math.min(picture.width / width, picture.height / height) * cropFraction;
  const left = Math.max(0, (picture.width - width * scale) / 2);
  const top = Math.max(0, (picture.height - height * scale) / 2);
  return resize(picture, { width, height, box: [left, top, picture.width - left, picture.height - top], reducingGap });
}

function letterbox(picture, { width, height, grey, reducingGap }) {
  const scale = Math.min(width / picture.width, height / picture.height);
  const inner = resize(picture, {
    width: Math.max(1, roundHalfEven(picture.width * scale)),
    height: Math.max(1, roundHalfEven(picture.height * scale)),
    box: [0, 0, picture.width, picture.height],
    reducingGap,
  });
  const data = new Uint8ClampedArray(width * height * CHANNELS);
  data.forEach((_, index) => {
    data[index] = grey[index % CHANNELS];
  });
  const left = Math.floor((width - inner.width) / 2);
  const top = Math.floor((height - inner.height) / 2);
  for (let row = 0; row < inner.height; row += 1) {
    const begin = row * inner.width * CHANNELS;
    const line = inner.data.subarray(begin, begin + inner.width * CHANNELS);
    data.set(line, ((top + row) * width + left) * CHANNELS);
  }
  return { width, height, data };
}
