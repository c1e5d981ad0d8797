// What the network's numbers mean: probabilities as sure as they should be, and when the model does not know.

const LEAST_PROBABILITY = 2 ** -126; // the least normal number of 32 bits, whose logarithm is finite
const MAX_DECIMALS = 4;

// softmax(log(probability) / temperature)
export function calibrate(probabilities, temperature) {
  const lifted = Array.from(probabilities, (value) => Math.max(value, LEAST_PROBABILITY));
  const most = Math.max(...lifted);
  const powers = temperature === 1 ? lifted : lifted.map((value) => (value / most) ** (1 / temperature));
  const total = powers.reduce((sum, value) => sum + value, 0);
  return powers.map((value) => value / total);
}

export class Reference {
  #features; // of the photos that the model learned from, each of length 1, one after the other
  #width;

  // `bytes`: numbers of 16 bits; `width`: features of a photo.
  constructor(bytes, width) {
    this.#width = width;
    this.#features = Float32Array.from(new Uint16Array(bytes.buffer, 0, bytes.byteLength >> 1), fromHalf);
    for (let start = 0; start < this.#features.length; start += width) {
      const row = this.#features.subarray(start, start + width);
      const length = lengthOf(row);
      row.forEach((value, index) => {
        row[index] = value / length;
      });
    }
  }

  // Cosine distance to the nearest of them, 0 (alike) to 2.
  distance(features) {
    const length = lengthOf(features);
    let nearest = -1;
    for (let start = 0; start < this.#features.length; start += this.#width) {
      let product = 0;
      for (let index = 0; index < this.#width; index += 1) product += this.#features[start + index] * features[index];
      nearest = Math.max(nearest, product / length);
    }
    return Math.min(Math.max(1 - nearest, 0), 2);
  }
}

function lengthOf(values) {
  return Math.max(Math.sqrt(values.reduce((sum, value) => sum + value * value, 0)), LEAST_PROBABILITY);
}

function fromHalf(bits) {
  const sign = bits & 0x80_00 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3_ff;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

// The answer to a photo: every class with its share, likeliest first, and why it is refused, if it is.
export function judge({ probabilities, features }, { classNames, rule, reference }) {
  const shares = calibrate(probabilities, rule.temperature);
  const classes = shares.map((share, index) => ({ label: classNames[index], share }));
  classes.sort((one, other) => other.share - one.share);
  const [best] = classes;
  const reasons = [];
  if (reference && reference.distance(features) > rule.maxDistance) {
    reasons.push("it looks like none of the photos that the model learned from");
  }
  if (best.share < rule.minProbability) {
    const [guess, limit] = tellApart(best.share, rule.minProbability);
    reasons.push(`its best guess, ${best.label}, has only ${guess}; the model answers from ${limit} on`);
  }
  return { shares, classes, answer: reasons.length > 0 ? null : best.label, refusal: reasons.join(", and ") };
}

// A share, 0-1, as a percentage: one decimal where rounding would claim certainty or nothing.
export function percentText(share) {
  const value = 100 * share;
  if (value >= 0.95 && value <= 99.05) return `${value.toFixed(0)}\u00A0%`;
  return value < 0.05 ? "<\u00A00.1\u00A0%" : `${Math.min(value, 99.9).toFixed(1)}\u00A0%`;
}

// Two shares, the first one lower, as percentages that differ wherever four decimals can tell.
function tellApart(lower, higher) {
  let texts = ["", ""];
  for (let decimals = 0; decimals <= MAX_DECIMALS && texts[0] === texts[1]; decimals += 1) {
    texts = [lower, higher].map((share) => `${(100 * share).toFixed(decimals)}\u00A0%`);
  }
  return texts;
}
