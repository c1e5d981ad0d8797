// What a network says to one picture after the other, brought to rest: means, a verdict, bars and heat.

const CALM_MILLISECONDS = 500;
const NUM_BARS = 5;

// The answers of the last half second.
class RecentAnswers {
  constructor() {
    this.answers = [];
  }

  clear() {
    this.answers = [];
  }

  add(answer, at) {
    this.answers.push({ ...answer, at });
    this.answers = this.answers.filter((each) => at - each.at < CALM_MILLISECONDS);
  }

  // One answer that stands for all of them, or the last one as it is. Answers leave out classes and groups of less than
  // 0.1 %, which count as nothing here: no bar is wrong by more.
  summary({ isCalm }) {
    const answers = isCalm ? this.answers : this.answers.slice(-1);
    const last = answers.at(-1);
    const refused = answers.filter((answer) => answer.refusal !== null);
    return {
      ...last,
      classes: meanClasses(answers),
      groups: meanGroups(answers),
      refusal: refused.length * 2 >= answers.length ? (refused.at(-1)?.refusal ?? null) : null,
      heat: meanHeat(answers.filter((answer) => answer.heat !== null && answer.heatIndex === last.heatIndex)),
    };
  }
}

function meanClasses(answers) {
  const means = new Map();
  for (const { classes } of answers) {
    for (const { index, label, probability } of classes) {
      const known = means.get(index) ?? { index, label, probability: 0 };
      known.probability += probability / answers.length;
      means.set(index, known);
    }
  }
  return [...means.values()].toSorted((one, other) => other.probability - one.probability);
}

function meanGroups(answers) {
  const means = new Map();
  for (const { groups } of answers) {
    for (const [group, probability] of Object.entries(groups)) {
      means.set(group, (means.get(group) ?? 0) + probability / answers.length);
    }
  }
  return [...means].toSorted(([, one], [, other]) => other - one);
}

function meanHeat(answers) {
  if (answers.length === 0) return null;
  return answers[0].heat.map((row, y) =>
    row.map((_, x) => answers.reduce((sum, { heat }) => sum + heat[y][x], 0) / answers.length),
  );
}

// What is said of a summary: by the same limits and in the same words as below a photo. `mark` tells a verdict from the
// name of a class, which may be called alike.
function verdictOf({ classes, groups, has_rule: hasRule, refusal }, words) {
  const [best] = classes;
  if (refusal !== null) {
    return { mark: "refused", text: words.unknown, share: "", detail: `${capitalised(refusal)}.` };
  }
  if (!hasRule && best.probability < words.unlikely_below) {
    const [group, probability] = groups[0] ?? [words.no_kind, 0];
    const isKnownKind = group !== words.no_kind && probability >= words.group_from;
    const kind = isKnownKind ? ` ${words.kind.replace("{group}", group).replace("{percent}", percentText(probability))}` : "";
    return { mark: "unlikely", text: words.unsure, share: "", detail: `${words.nothing_fits}${kind}` };
  }
  const name = groups.length > 0 ? best.label : `“${best.label}”`;
  const text = best.probability >= words.sure_from ? name : `${words.perhaps} ${name}`;
  return { mark: "named", text, share: percentText(best.probability), detail: "" };
}

function capitalised(text) {
  return text[0].toUpperCase() + text.slice(1);
}

// As `percent` in Python: a decimal where rounding would claim certainty or nothing.
function percentText(probability) {
  const value = probability * 100;
  if (value >= 0.95 && value <= 99.05) return `${Math.round(value)} %`;
  return value < 0.05 ? "< 0.1 %" : `${Math.min(value, 99.9).toFixed(1)} %`;
}

// The likeliest classes as bars. Those of a few classes keep their places; of many, bars glide to theirs.
class LiveBars {
  constructor(list) {
    this.list = list;
    this.rows = new Map(); // by class index
  }

  show({ classes, num_classes: numClasses, refusal }) {
    const shown = classes.slice(0, NUM_BARS);
    if (numClasses <= NUM_BARS) shown.sort((one, other) => one.index - other.index);
    this.list.classList.toggle("is-refused", refusal !== null);
    this.list.style.setProperty("--rows", shown.length);
    const indices = new Set(shown.map(({ index }) => index));
    this.rows.forEach((row, index) => {
      if (indices.has(index)) return;
      row.remove();
      this.rows.delete(index);
    });
    shown.forEach((each, rank) => this.showRow(each, rank));
  }

  showRow({ index, label, probability }, rank) {
    let row = this.rows.get(index);
    if (!row) {
      row = document.createElement("li");
      for (const name of ["name", "track", "percent"]) {
        const part = document.createElement("span");
        part.className = name;
        row.append(part);
      }
      row.querySelector(".track").append(document.createElement("span"));
      row.querySelector(".name").textContent = label;
      row.title = label;
      this.rows.set(index, row);
      this.list.append(row);
    }
    row.style.setProperty("--rank", rank);
    row.querySelector(".track span").style.transform = `scaleX(${Math.max(0.004, probability)})`;
    row.querySelector(".percent").textContent = percentText(probability);
  }

  clear() {
    this.rows.clear();
    this.list.replaceChildren();
    this.list.style.setProperty("--rows", 0);
  }
}

// The evidence for a class, one pixel for each place of the network's map; the browser smooths it.
class HeatMap {
  constructor(canvas) {
    this.canvas = canvas;
  }

  // `seen`: left, top, right and bottom of the map as shares of the picture; `colours`: share, red, green, blue.
  show(heat, seen, { colours, max_opacity: maxOpacity }) {
    const { canvas } = this;
    canvas.hidden = heat === null;
    if (heat === null) return;
    const [left, top, right, bottom] = seen;
    Object.assign(canvas.style, {
      left: `${100 * left}%`,
      top: `${100 * top}%`,
      width: `${100 * (right - left)}%`,
      height: `${100 * (bottom - top)}%`,
    });
    [canvas.width, canvas.height] = [heat[0].length, heat.length];
    const pixels = new ImageData(canvas.width, canvas.height);
    heat.flat().forEach((value, place) => {
      pixels.data.set([...colourOf(value, colours), 255 * value * maxOpacity], 4 * place);
    });
    canvas.getContext("2d").putImageData(pixels, 0, 0);
  }
}

function colourOf(value, colours) {
  const above = Math.max(1, colours.findIndex(([stop]) => stop >= value));
  const [[from, ...low], [to, ...high]] = [colours[above - 1], colours[above]];
  const share = (value - from) / (to - from);
  return low.map((channel, number) => channel + share * (high[number] - channel));
}
