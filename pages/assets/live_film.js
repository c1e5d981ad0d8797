// A video file, answered along its length. The browser reads it; only single pictures are sent, as those of the camera.

const MOST_MOMENTS = 120;
const SHORTEST_STEP_SECONDS = 0.2;
const MOST_TRIES = 6; // for one moment
const NUM_LINES = 4;
const LINE_COLOURS = ["#2f7fd0", "#e0a912", "#5f8d3f", "#c2543d"];
const SVG = "http://www.w3.org/2000/svg";

class Film {
  // `request`: a video to `{isOk, answer, secondsToWait}`; `onMoment`: shows an answer; `describe`: its verdict.
  constructor(box, { file, request, onMoment, onProblem, describe }) {
    Object.assign(this, { box, file, request, onMoment, onProblem, describe });
    this.video = box.querySelector("video");
    this.reader = document.createElement("video"); // which the person does not see
    this.url = URL.createObjectURL(file);
    this.moments = []; // answers with their seconds
    this.listeners = new AbortController();
    const chart = this.find(".timeline");
    this.listen(this.video, "timeupdate", () => this.showMoment());
    this.listen(this.video, "seeked", () => this.showMoment());
    this.listen(this.video, "play", () => { this.find(".play").textContent = "Pause"; });
    this.listen(this.video, "pause", () => { this.find(".play").textContent = "Play"; });
    this.listen(this.find(".play"), "click", () => (this.video.paused ? this.video.play() : this.video.pause()));
    this.listen(this.find(".csv"), "click", () => this.download());
    this.listen(chart, "pointerdown", (event) => this.jump(event));
    this.listen(chart, "pointermove", (event) => { if (event.buttons === 1) this.jump(event); });
    this.listen(chart, "keydown", (event) => this.onKey(event));
  }

  find(selector) {
    return this.box.querySelector(selector);
  }

  listen(target, kind, listener) {
    target.addEventListener(kind, listener, { signal: this.listeners.signal });
  }

  // Whether the browser can read it.
  async open() {
    const isReadable = (await load(this.reader, this.url)) && (await load(this.video, this.url));
    if (!isReadable || this.isClosed || !this.reader.videoWidth) return false;
    this.seconds = await durationOf(this.reader);
    this.video.pause();
    this.video.currentTime = 0;
    this.find(".stage").style.setProperty("--ratio", this.video.videoWidth / this.video.videoHeight);
    this.find(".film").hidden = false;
    return true;
  }

  // Ask about one moment after the other; begun again for another network.
  async begin() {
    if (!this.seconds) return;
    const reading = (this.reading = {});
    const step = Math.max(SHORTEST_STEP_SECONDS, this.seconds / MOST_MOMENTS);
    const times = Array.from({ length: Math.max(1, Math.floor(this.seconds / step)) }, (_, place) => (place + 0.5) * step);
    this.moments = [];
    this.step = step;
    for (const seconds of times) {
      // One after the other: the server takes one picture at a time.
      // oxlint-disable-next-line no-await-in-loop
      const answer = await this.answerAt(seconds, () => this.reading === reading);
      if (this.reading !== reading) return;
      if (!answer) break;
      this.moments.push({ ...answer, seconds });
      this.say(`${this.moments.length} of ${times.length} moments`);
      this.draw();
      this.showMoment();
    }
    if (this.moments.length === times.length) this.say(`${times.length} moments answered. Click into the chart to jump.`);
  }

  async answerAt(seconds, isWanted) {
    await seek(this.reader, seconds);
    for (let number = 0; number < MOST_TRIES && isWanted(); number += 1) {
      // oxlint-disable no-await-in-loop
      let problem = "The server does not answer. Open the video again when it does.";
      let secondsToWait = 1;
      try {
        const outcome = await this.request(this.reader);
        if (outcome.isOk) return outcome.answer;
        problem = outcome.answer.error;
        secondsToWait = Math.max(1, outcome.secondsToWait);
      } catch {
        if (!isWanted()) return null; // it was closed
      }
      if (number === MOST_TRIES - 1) this.onProblem(problem);
      else await new Promise((resolve) => { setTimeout(resolve, 1000 * secondsToWait); });
      // oxlint-enable no-await-in-loop
    }
    return null;
  }

  say(text) {
    this.find(".progress").textContent = text;
  }

  // --- the chart ---

  draw() {
    const chart = this.find(".timeline");
    const lines = likeliest(this.moments).map(({ index, label }, rank) => ({ index, label, colour: LINE_COLOURS[rank] }));
    const drawn = lines.map(({ index, colour }) => {
      const line = document.createElementNS(SVG, "polyline");
      const points = this.moments.map((moment) => {
        const share = moment.classes.find((each) => each.index === index)?.probability ?? 0;
        return `${(1000 * moment.seconds) / this.seconds},${96 - 92 * share}`;
      });
      line.setAttribute("points", points.join(" "));
      line.setAttribute("stroke", colour);
      return line;
    });
    this.cursor = document.createElementNS(SVG, "line");
    chart.replaceChildren(...drawn, this.cursor);
    const legend = lines.map(({ label, colour }) => {
      const entry = document.createElement("li");
      entry.textContent = label;
      entry.style.setProperty("--colour", colour);
      return entry;
    });
    this.find(".legend").replaceChildren(...legend);
  }

  showMoment() {
    if (this.moments.length === 0) return;
    const now = this.video.currentTime;
    const place = (1000 * now) / this.seconds;
    for (const [name, value] of Object.entries({ x1: place, x2: place, y1: 0, y2: 100 })) this.cursor.setAttribute(name, value);
    const nearest = this.moments[Math.min(this.moments.length - 1, Math.floor(now / this.step))];
    this.onMoment(nearest);
    this.find(".clock").textContent = `${now.toFixed(1)} of ${this.seconds.toFixed(1)} s`;
    const chart = this.find(".timeline");
    chart.setAttribute("aria-valuemin", 0);
    chart.setAttribute("aria-valuemax", this.seconds.toFixed(1));
    chart.setAttribute("aria-valuenow", now.toFixed(1));
    chart.setAttribute("aria-valuetext", `${now.toFixed(1)} seconds: ${this.describe(nearest).text}`);
  }

  jump(event) {
    const { left, width } = this.find(".timeline").getBoundingClientRect();
    this.goTo(((event.clientX - left) / width) * this.seconds);
  }

  onKey(event) {
    const by = { ArrowLeft: -this.step, ArrowDown: -this.step, ArrowRight: this.step, ArrowUp: this.step }[event.key];
    if (by === undefined) return;
    event.preventDefault();
    this.goTo(this.video.currentTime + by);
  }

  goTo(seconds) {
    this.video.currentTime = Math.max(0, Math.min(this.seconds, seconds));
  }

  // --- taking it away ---

  download() {
    const rows = this.moments.map((moment) => {
      const { text } = this.describe(moment);
      const guesses = moment.classes.slice(0, 3).flatMap(({ label, probability }) => [label, probability.toFixed(4)]);
      return [moment.seconds.toFixed(2), text, ...guesses];
    });
    const head = ["second", "verdict", "class", "probability", "second class", "its probability", "third class", "its probability"];
    const text = [head, ...rows].map((row) => row.map(csvCell).join(",")).join("\r\n");
    const link = document.createElement("a");
    // The mark makes Excel read UTF-8.
    link.href = URL.createObjectURL(new Blob(["\u{FEFF}", text, "\r\n"], { type: "text/csv" }));
    link.download = `${this.file.name.replace(/\.[^.]*$/u, "")}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
  }

  close() {
    this.isClosed = true;
    this.reading = null;
    this.listeners.abort();
    for (const video of [this.reader, this.video]) {
      video.pause();
      video.removeAttribute("src");
      video.load();
    }
    URL.revokeObjectURL(this.url);
    this.find(".film").hidden = true;
    this.find(".timeline").replaceChildren();
    this.find(".legend").replaceChildren();
    this.say("");
  }
}

function load(video, url) {
  return new Promise((resolve) => {
    video.addEventListener("loadeddata", () => resolve(true), { once: true });
    video.addEventListener("error", () => resolve(false), { once: true });
    Object.assign(video, { muted: true, preload: "auto", src: url });
  });
}

// What browsers record does not say how long it is before it has been read to its end.
async function durationOf(video) {
  if (!Number.isFinite(video.duration)) await seek(video, 1e9);
  return Number.isFinite(video.duration) ? video.duration : video.currentTime;
}

function seek(video, seconds) {
  return new Promise((resolve) => {
    video.addEventListener("seeked", resolve, { once: true });
    video.currentTime = seconds;
  });
}

// The classes that are likeliest over all moments.
function likeliest(moments) {
  const sums = new Map();
  for (const { index, label, probability } of moments.flatMap(({ classes }) => classes)) {
    const known = sums.get(index) ?? { index, label, sum: 0 };
    known.sum += probability;
    sums.set(index, known);
  }
  return [...sums.values()].toSorted((one, other) => other.sum - one.sum).slice(0, NUM_LINES);
}

// A class may have a name that a spreadsheet would take for a formula.
function csvCell(value) {
  const text = /^[=+\-@\t\r]/u.test(value) ? `'${value}` : value;
  return `"${text.replaceAll('"', '""')}"`;
}
