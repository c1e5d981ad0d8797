// The answers on the classify page: how far they are, sorted and filtered, as cards or as a table.

const SPOKEN_MILLISECONDS = 5000; // between two announcements of how far it is
const GO_ON_MILLISECONDS = 1500; // photos that were added just now wait for a moment without having been stopped
const MESSAGE_MILLISECONDS = 8000;

// How the answers are looked at; kept when React rebuilds the component, and for the way back to this page.
const viewed = { order: ORDERS[0].title, text: "", onlyUnsure: false, layout: "Cards" };

class Answers {
  constructor(root) {
    this.root = root;
    this.part = (name) => root.querySelector(`.${name}`);
    const template = this.part("card-template").content.firstElementChild;
    this.cards = new CardList(this.part("list"), template, {
      onRemove: (id) => this.remove([id]),
      onCollect: (event) => this.collect(event),
    });
    this.table = new AnswerTable(this.part("table"));
    this.feed = new AnswerFeed(() => this.drawSoon());
    this.hood = new Hood(this.part("hood"));
    this.listenToToolbar();
  }

  listenToToolbar() {
    const order = this.part("order");
    order.append(...ORDERS.map(({ title }) => new Option(title)));
    order.value = viewed.order;
    this.part("filter").value = viewed.text;
    this.part("only-unsure").checked = viewed.onlyUnsure;
    this.root.querySelector(`.layout [value="${viewed.layout}"]`).checked = true;
    const see = (name, kind, read) => this.part(name).addEventListener(kind, (event) => {
      Object.assign(viewed, read(event.target));
      this.draw();
    });
    see("filter", "input", ({ value }) => ({ text: value }));
    see("order", "change", ({ value }) => ({ order: value }));
    see("only-unsure", "change", ({ checked }) => ({ onlyUnsure: checked }));
    see("layout", "change", ({ value }) => ({ layout: value }));
    const press = (name, action) => this.part(name).addEventListener("click", action);
    press("stop", () => this.stop());
    press("go-on", () => this.goOn());
    press("csv", () => this.takeTable());
    press("clear", () => this.clear());
    press("reload", () => window.location.reload());
  }

  update({ data }) {
    const isNew = data.url !== this.feed.url || data.seed.version > this.store.seenVersion;
    this.data = data;
    this.store = this.feed.follow(data.url);
    this.store.takeSeed(data.seed);
    this.place = { url: data.url, photosUrl: data.photos_url, pictureWidth: 200 };
    if (!data.is_stopped) [this.isStopping, this.isGoingOn] = [false, false];
    this.draw();
    if (isNew) this.feed.listen();
  }

  drawSoon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  draw() {
    const { store } = this;
    const ids = store.shownIds;
    const photos = store.shownPhotos;
    this.part("answers").hidden = ids.length === 0 && this.feed.problem === "";
    this.showProblem();
    this.showSummary(ids, photos);
    this.showProgress(ids.length, store.numWaiting);
    this.part("toolbar").classList.toggle("is-short", ids.length < 2);
    if (ids.length === 0) this.forgetFilter();
    const isAlone = ids.length < 2;
    const shown = arrange(photos, isAlone ? { ...viewed, text: "", onlyUnsure: false } : viewed);
    this.part("nothing").hidden = shown.length > 0 || photos.length === 0;
    const isTable = viewed.layout === "Table";
    this.part("list").hidden = isTable;
    this.part("table").hidden = !isTable || shown.length === 0;
    this.cards.show(isTable ? [] : shown, this.place);
    if (isTable) this.table.show(shown, photos);
    this.hood.show(this.data.hood, photos.findLast(({ classes }) => classes));
  }

  showSummary(ids, photos) {
    const text = summarise(ids.length, photos);
    const summary = this.part("summary");
    summary.hidden = ids.length === 0;
    setText(summary, text);
    const isDue = this.store.numWaiting === 0 || performance.now() - (this.spokenAt ?? 0) > SPOKEN_MILLISECONDS;
    if (!isDue || this.part("spoken").textContent === text) return;
    this.spokenAt = performance.now();
    this.part("spoken").textContent = ids.length === 0 ? "" : text;
  }

  showProgress(numPhotos, numWaiting) {
    const isRunning = this.store.isRunning && numWaiting > 0;
    const text = `${numPhotos - numWaiting} of ${numPhotos} photos${timeLeft(this.store.secondsLeft)}`;
    const bar = this.part("progress-bar");
    this.part("progress").hidden = !isRunning;
    bar.setAttribute("aria-valuemax", numPhotos);
    bar.setAttribute("aria-valuenow", numPhotos - numWaiting);
    bar.setAttribute("aria-valuetext", text);
    bar.querySelector("span").textContent = text;
    bar.querySelector("i").style.width = `${(100 * (numPhotos - numWaiting)) / Math.max(1, numPhotos)}%`;
    this.part("stop").disabled = this.isStopping;
    // Photos that have only just come wait for a moment, too; nobody has stopped them.
    const isLeft = numWaiting > 0 && !isRunning && this.data.is_ready && !this.isGoingOn;
    this.leftSince = isLeft ? this.leftSince ?? performance.now() : null;
    const isStopped = isLeft && (this.data.is_stopped || performance.now() - this.leftSince > GO_ON_MILLISECONDS);
    this.part("go-on").hidden = !isStopped;
    if (isLeft && !isStopped) setTimeout(() => this.drawSoon(), GO_ON_MILLISECONDS);
  }

  showProblem() {
    const text = this.feed.problem || this.message || "";
    this.part("problem").hidden = text === "";
    const words = this.part("problem").querySelector("span");
    setText(words, text);
    this.part("reload").hidden = !this.feed.isGone;
  }

  // Of what the person has just asked for.
  tell(message) {
    this.message = message;
    clearTimeout(this.messageTimer);
    this.messageTimer = setTimeout(() => {
      this.message = "";
      this.drawSoon();
    }, MESSAGE_MILLISECONDS);
    this.drawSoon();
  }

  stop() {
    this.isStopping = true;
    this.outbox.send("stopped", null, { onTaken: () => this.feed.lookNow() });
    this.draw();
  }

  goOn() {
    this.isGoingOn = true;
    this.draw();
    this.outbox.send("went_on", null, { onTaken: () => this.feed.lookNow() });
  }

  async remove(ids) {
    const { store } = this;
    const hadFocus = this.cards.focusedId();
    if (hadFocus !== null) this.cards.focusNear(hadFocus);
    store.remove(ids);
    this.draw();
    if (hadFocus !== null && store.shownIds.length === 0) this.root.querySelector(".summary").focus();
    const problem = await this.post("remove", { photo_ids: ids });
    if (problem) {
      store.putBack(ids);
      this.tell(problem);
    } else this.feed.lookNow();
  }

  async clear() {
    const { store } = this;
    const ids = store.shownIds;
    store.remove(ids);
    this.draw();
    const problem = await this.post("remove", { photo_ids: "all" });
    if (problem) {
      store.putBack(ids);
      this.tell(problem);
    } else this.outbox.send("cleared", null); // what else the page says of them goes too
  }

  // What went wrong, in a sentence; nothing where all went well.
  async post(what, body) {
    const response = await fetch(`${this.data.photos_url.replace(/photos$/u, what)}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    }).catch(() => null);
    return response?.ok ? "" : problemOf(response);
  }

  async takeTable() {
    const response = await fetch(this.data.csv_url).catch(() => null);
    if (!response?.ok) {
      this.tell(await problemOf(response));
      return;
    }
    const link = document.createElement("a");
    link.href = URL.createObjectURL(await response.blob());
    link.download = "bluetit.csv";
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), MESSAGE_MILLISECONDS);
  }

  // Through the page's own link, which leads there without loading the app anew.
  collect(event) {
    const link = document.querySelector(".st-key-classify-collect a");
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
    event.preventDefault();
    link.click();
  }

  forgetFilter() {
    Object.assign(viewed, { text: "", onlyUnsure: false });
    this.part("filter").value = "";
    this.part("only-unsure").checked = false;
  }

  destroy() {
    clearTimeout(this.messageTimer);
    cancelAnimationFrame(this.frame);
    this.feed.destroy();
    this.cards.destroy();
    this.table.destroy();
  }
}

// What happens to a photo, in three steps, with the real numbers of the last one.
class Hood {
  constructor(details) {
    this.details = details;
    this.steps = details.querySelector(".steps");
  }

  show(hood, last) {
    this.details.hidden = !hood;
    if (!hood) return;
    if (JSON.stringify(hood) !== this.told) {
      this.told = JSON.stringify(hood);
      this.steps.replaceChildren(...hood.steps.map(({ title, text }) => stepOf(title, text)));
      this.details.querySelector(".comparison").textContent = hood.comparison;
    }
    const facts = last ? numbersOf(last) : ["", "", ""];
    this.steps.querySelectorAll(".numbers").forEach((numbers, place) => {
      setText(numbers, facts[place]);
    });
  }
}

function stepOf(title, text) {
  const step = document.createElement("div");
  const [heading, words, numbers] = ["h5", "p", "p"].map((name) => document.createElement(name));
  heading.textContent = title;
  words.append(...text.map(([part, isStrong]) => (isStrong ? strong(part) : part)));
  numbers.className = "numbers";
  step.append(heading, words, numbers);
  return step;
}

function numbersOf({ name, milliseconds: { reading, network }, classes: [best], verdict }) {
  const told = verdict.kind === "refused" ? ", which does not count" : "";
  return [
    `For ${name}: ${reading.toFixed(1)} ms`,
    `For ${name}: ${network.toFixed(1)} ms, step 3 included`,
    `For ${name}: ${best.label} ${best.percent}${told}`,
  ];
}

export default function render(component) {
  return mount(component, Answers);
}
