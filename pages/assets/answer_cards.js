// The answers as cards, of which only those near the screen are in the document.

const NUM_FEW_CARDS = 12; // so many are all in the document
const MARGIN_SHARE = 1; // of the window's height, above and below, in which cards are there already
const GAP_PX = 16;
const FRAME_PX = 32; // of a card, above and below together
const PHONE_PX = 640; // narrower than that, cards stand one under the other
const USUAL_HEIGHTS_PX = { answer: 300, unlikely: 420, error: 150 };
const SIDES_PX = [320, 640, 1280];
const MAX_LABEL_CHARS = 32; // the longest of ImageNet's are a little shorter
const HURRY_PX = 1200; // scrolled in a frame or two, photos fly by and are not fetched
const REST_MILLISECONDS = 120;

class CardList {
  constructor(list, template, { onRemove, onCollect }) {
    this.list = list;
    this.template = template;
    this.actions = { onRemove, onCollect };
    this.photos = [];
    this.rows = [];
    this.cards = new Map(); // by photo id, those in the document
    this.heights = new Map(); // by photo id, as measured
    this.usual = new Map(Object.entries(USUAL_HEIGHTS_PX).map(([kind, height]) => [kind, new UsualHeight(height)]));
    this.spacers = [];
    this.drawn = null;
    this.frame = null;
    this.width = 0;
    this.lastTop = 0;
    this.listeners = new AbortController();
    const { signal } = this.listeners;
    document.addEventListener("scroll", () => this.drawSoon(), { capture: true, passive: true, signal });
    window.addEventListener("resize", () => this.drawSoon(), { signal });
    this.resizing = new ResizeObserver((entries) => this.onResized(entries));
    this.resizing.observe(list);
  }

  // Show these photos, as cards or not at all.
  show(photos, place) {
    this.photos = photos;
    this.place = place;
    this.layOut();
  }

  layOut() {
    const numColumns = this.photos.length > 1 && this.list.clientWidth >= PHONE_PX ? 2 : 1;
    this.list.style.setProperty("--columns", numColumns);
    this.rows = [];
    let top = 0;
    for (let start = 0; start < this.photos.length; start += numColumns) {
      const photos = this.photos.slice(start, start + numColumns);
      const height = Math.max(...photos.map((photo) => this.heights.get(photo.id) ?? this.usual.get(kindOf(photo)).px));
      this.rows.push({ photos, start, top, height });
      top += height + GAP_PX;
    }
    this.drawn = null;
    this.draw();
  }

  drawSoon({ isLaidOut = true } = {}) {
    this.isLaidOut = (this.isLaidOut ?? true) && isLaidOut;
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      const mayKeep = this.isLaidOut;
      this.isLaidOut = true;
      if (mayKeep) this.draw();
      else this.layOut();
    });
  }

  onResized(entries) {
    let hasChanged = false;
    for (const { target, borderBoxSize: [box] } of entries) {
      const card = target.parentElement;
      const id = Number(card?.dataset.id);
      const height = box.blockSize + FRAME_PX;
      if (target === this.list) {
        if (Math.abs(box.inlineSize - this.width) <= 1) continue;
        this.width = box.inlineSize;
        this.heights.clear();
        hasChanged = true;
      } else if (target.isConnected && box.blockSize > 0 && this.heights.get(id) !== height) {
        this.heights.set(id, height);
        this.usual.get(card.dataset.kind).add(height);
        hasChanged = true;
      }
    }
    if (hasChanged) this.drawSoon({ isLaidOut: false });
  }

  // The rows near the screen, and the one in which the focus is, wherever it is.
  draw() {
    const { top } = this.list.getBoundingClientRect();
    const isHurrying = Math.abs(top - this.lastTop) > HURRY_PX;
    this.lastTop = top;
    const margin = window.innerHeight * MARGIN_SHARE;
    const focused = this.focusedId();
    const isFew = this.photos.length <= NUM_FEW_CARDS;
    const isWanted = (row) =>
      isFew ||
      (row.top - GAP_PX + row.height >= -margin - top && row.top <= window.innerHeight + margin - top) ||
      row.photos.some(({ id }) => id === focused);
    const rows = this.rows.filter(isWanted);
    const signature = rows.map(({ start }) => start).join(" ");
    if (signature === this.drawn) return;
    this.drawn = signature;
    this.put(this.nodesOf(rows, isHurrying), new Set(rows.flatMap((row) => row.photos.map(({ id }) => id))));
  }

  nodesOf(rows, isHurrying) {
    const nodes = [];
    let [numSpacers, end] = [0, 0];
    const leaveOut = (to) => {
      if (to - end > GAP_PX) nodes.push(this.spacer(numSpacers, to - end - GAP_PX));
      numSpacers += 1;
    };
    for (const row of rows) {
      leaveOut(row.top);
      row.photos.forEach((photo, column) => nodes.push(this.cardOf(photo, row.start + column, isHurrying).element));
      end = row.top + row.height + GAP_PX;
    }
    const last = this.rows.at(-1);
    if (last) leaveOut(last.top + last.height + GAP_PX);
    return nodes;
  }

  spacer(number, height) {
    this.spacers[number] ??= Object.assign(document.createElement("div"), { className: "spacer" });
    this.spacers[number].style.height = `${height}px`;
    return this.spacers[number];
  }

  cardOf(photo, index, isHurrying) {
    let card = this.cards.get(photo.id);
    if (!card) {
      card = new Card(this.template.cloneNode(true), this.actions);
      this.cards.set(photo.id, card);
      this.resizing.observe(card.inside);
    }
    card.show(photo, this.place, { isHurrying });
    card.element.setAttribute("aria-posinset", index + 1);
    card.element.setAttribute("aria-setsize", this.photos.length);
    return card;
  }

  // Cards that stay are kept where they are, so that nothing flickers and the focus stays.
  put(nodes, shownIds) {
    const { activeElement: active } = this.list.getRootNode();
    const hadFocus = active !== null && this.list.contains(active);
    this.cards.forEach((card, id) => {
      if (shownIds.has(id)) return;
      this.resizing.unobserve(card.inside);
      card.destroy();
      this.cards.delete(id);
    });
    const wanted = new Set(nodes);
    [...this.list.children].forEach((child) => {
      if (!wanted.has(child)) child.remove();
    });
    let next = this.list.firstElementChild;
    for (const node of nodes) {
      if (node === next) next = next.nextElementSibling;
      else this.list.insertBefore(node, next);
    }
    const isLost = hadFocus && active.isConnected && this.list.getRootNode().activeElement !== active;
    if (isLost) active.focus({ preventScroll: true });
  }

  focusedId() {
    const card = this.list.getRootNode().activeElement?.closest(".card");
    return card && this.list.contains(card) ? Number(card.dataset.id) : null;
  }

  // The card after this one, or the one before where it is the last.
  focusNear(id) {
    const index = this.photos.findIndex((photo) => photo.id === id);
    const neighbour = this.photos[index + 1] ?? this.photos[index - 1];
    this.cards.get(neighbour?.id)?.element.querySelector(".remove").focus();
  }

  destroy() {
    this.listeners.abort();
    this.resizing.disconnect();
    cancelAnimationFrame(this.frame);
    this.cards.forEach((card) => card.destroy());
    this.list.replaceChildren();
  }
}

// Of cards that nobody has seen yet; it comes to rest, or the page's end would go on moving.
class UsualHeight {
  static numSamples = 32;

  constructor(guess) {
    this.px = guess;
    this.num = 0;
  }

  add(height) {
    if (this.num === UsualHeight.numSamples) return;
    this.num += 1;
    this.px += (height - this.px) / this.num;
  }
}

function kindOf(photo) {
  if (photo.error) return "error";
  return photo.verdict?.kind === "unlikely" || isRefused(photo) ? "unlikely" : "answer";
}

// By the address of a photo: a card that comes back has its height at once.
const ratios = new Map();

class Card {
  constructor(element, { onRemove, onCollect }) {
    this.element = element;
    this.inside = element.firstElementChild;
    this.part = (name) => element.querySelector(`.${name}`);
    this.why = new Explanation(element);
    this.part("remove").addEventListener("click", () => onRemove(this.photo.id));
    this.part("collect").addEventListener("click", (event) => onCollect(event));
    const image = this.part("photo");
    image.addEventListener("load", () => {
      ratios.set(this.shape, image.naturalWidth / image.naturalHeight);
      image.style.aspectRatio = "";
      this.part("picture").classList.remove("is-missing");
    });
    image.addEventListener("error", () => {
      if (image.hasAttribute("src")) this.part("picture").classList.add("is-missing");
    });
  }

  show(photo, place, { isHurrying }) {
    const isSame = this.photo === photo && this.place?.url === place.url;
    this.photo = photo;
    this.place = place;
    if (isSame) return;
    const { element } = this;
    element.dataset.id = photo.id;
    element.dataset.kind = kindOf(photo);
    element.setAttribute("aria-label", photo.name);
    element.classList.toggle("is-waiting", isWaiting(photo));
    this.part("refused").hidden = !photo.error;
    this.part("answer").hidden = Boolean(photo.error);
    if (photo.error) this.showError();
    else this.showAnswer(isHurrying);
    this.why.show(photo, place);
  }

  showError() {
    this.part("refused-name").textContent = this.photo.name;
    this.part("refusal-text").textContent = this.photo.error;
  }

  showAnswer(isHurrying) {
    const { photo } = this;
    this.part("picture").hidden = !photo.has_picture;
    this.part("waiting").hidden = !isWaiting(photo);
    this.part("waiting-text").textContent = isWaiting(photo) ? `${photo.name} is waiting` : "";
    this.part("said").hidden = isWaiting(photo);
    if (isWaiting(photo)) return; // and nobody knows yet whether it is a photo
    if (photo.has_picture) this.showPicture(isHurrying);
    this.showVerdict(photo.verdict);
    this.showBars(photo.classes);
    const { reading, network } = photo.milliseconds;
    this.part("took").textContent =
      `${photo.name} · ${(reading + network).toFixed(0)} ms (reading ${reading.toFixed(0)}, network ${network.toFixed(0)})`;
    this.part("remarks").replaceChildren(...(photo.remarks ?? []).map((remark) => {
      const line = document.createElement("li");
      line.textContent = remark;
      return line;
    }));
  }

  showPicture(isHurrying) {
    const image = this.part("photo");
    image.alt = `Photo ${this.photo.name}`;
    this.shape = `${this.place.photosUrl}/${this.photo.id}`;
    image.style.aspectRatio = image.naturalWidth > 0 ? "" : ratios.get(this.shape) ?? 1;
    clearTimeout(this.timer);
    if (isHurrying) this.timer = setTimeout(() => this.fetchPicture(), REST_MILLISECONDS);
    else this.fetchPicture();
  }

  fetchPicture() {
    const image = this.part("photo");
    const wantedPx = (image.clientWidth || this.place.pictureWidth) * Math.min(2, window.devicePixelRatio);
    const side = SIDES_PX.find((each) => each >= wantedPx) ?? SIDES_PX.at(-1);
    const url = `${this.shape}.jpg?side=${side}`;
    if (image.getAttribute("src") !== url) image.src = url;
  }

  showVerdict({ kind, label, group, group_percent: groupPercent, sentence }) {
    this.part("verdict").dataset.kind = kind;
    // A person's own class may be called "Not sure": a name stands in quotation marks, what is said beside it not.
    const name = group === null ? quoted(label) : label;
    const titles = { sure: name, perhaps: `Perhaps ${name}`, unlikely: "Not sure", refused: NOT_KNOWN };
    this.part("verdict-text").textContent = titles[kind];
    const reason = this.part("reason");
    reason.replaceChildren();
    if (kind === "unlikely") {
      reason.append("Nothing that this network knows fits well.");
      if (groupPercent) reason.append(" It is probably some kind of ", strong(group), ` (${groupPercent}).`);
    } else reason.append(sentence ?? "");
    this.part("teach").hidden = kind !== "unlikely";
    this.part("guessed").hidden = kind !== "refused";
  }

  showBars(classes) {
    const bars = this.part("bars");
    bars.setAttribute("aria-label", describeClasses(classes));
    const lines = [...bars.children];
    while (lines.length < classes.length) lines.push(barLine());
    bars.replaceChildren(...lines.slice(0, classes.length));
    classes.forEach(({ label, probability, percent }, rank) => {
      const [name, track] = lines[rank].children;
      lines[rank].title = `${label}: ${percent}`;
      name.textContent = shortened(label);
      track.style.setProperty("--share", `${100 * probability}%`);
      track.lastElementChild.textContent = percent;
    });
  }

  destroy() {
    clearTimeout(this.timer);
    this.part("photo").removeAttribute("src"); // what is still under way need not come
    this.why.destroy();
    this.element.remove();
  }
}

function barLine() {
  const line = document.createElement("div");
  line.className = "bar";
  const [name, track] = ["bar-label", "bar-track"].map((className) =>
    Object.assign(document.createElement("span"), { className }));
  track.append(document.createElement("i"), document.createElement("span"));
  line.append(name, track);
  return line;
}

function strong(text) {
  const element = document.createElement("strong");
  element.textContent = text;
  return element;
}

function shortened(label) {
  return label.length <= MAX_LABEL_CHARS ? label : `${label.slice(0, MAX_LABEL_CHARS - 1).trimEnd()}…`;
}
