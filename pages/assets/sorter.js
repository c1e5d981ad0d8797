const TILE_SIDES_PX = [256, 512];
const LARGE_SIDE_PX = 1024;
const PER_PAGE = 50;
const FIRST_LIMIT_PERCENT = 90;
const MAX_NUMBER_KEYS = 9;
const SWIPE_PX = 60;

// Searches and sittings that are open, by their token: React may build the component anew in the middle of one.
function sittingOf(data) {
  window.bluetitSittings ??= new Map();
  if (!window.bluetitSittings.has(data.token)) {
    window.bluetitSittings.clear(); // there is one at a time
    window.bluetitSittings.set(data.token, {
      log: new DecisionLog(data.url, data.split),
      page: [], // photos on the screen: id, hash, name, said
      marks: new Map(), // image id → { isWanted, classId }
      passed: new Set(), // image ids that were shown and not decided on
      active: 0,
      numLeft: 0,
      offered: null, // suggestions, most certain first
      note: "",
      isLoaded: false,
      limit: FIRST_LIMIT_PERCENT,
    });
  }
  return window.bluetitSittings.get(data.token);
}

class Sorter {
  constructor(root) {
    this.box = root.querySelector(".sorter");
    this.grid = this.find(".grid");
    this.template = this.find(".tile-template").content.firstElementChild;
    this.dialog = this.find(".large");
    this.tiles = [];
    this.asked = 0; // numbers the questions to the server: an answer to an older one comes too late
    this.listeners = new AbortController();
    this.listen(this.box, "keydown", (event) => this.onKeyDown(event));
    this.listen(this.box, "click", (event) => this.onClick(event));
    this.listen(this.grid, "focusin", (event) => this.onFocus(event));
    this.listen(this.grid, "error", (event) => this.markMissing(event.target, true), { capture: true });
    this.listen(this.grid, "load", (event) => this.markMissing(event.target, false), { capture: true });
    this.listen(this.dialog, "close", () => this.focus());
    this.listen(this.dialog, "pointerdown", (event) => { this.swipeStart = event.clientX; });
    this.listen(this.dialog, "pointerup", (event) => this.onSwipe(event));
    this.listen(this.find(".sure-limit"), "input", (event) => {
      this.sitting.limit = Number(event.target.value);
      this.showSure();
    });
    this.listen(this.find(".sure"), "submit", (event) => {
      event.preventDefault();
      this.takeSure();
    });
    this.listen(window, "pagehide", () => this.sitting?.log.send({ isLast: true }));
  }

  find(selector) {
    return this.box.querySelector(selector);
  }

  listen(target, kind, listener, options = {}) {
    target.addEventListener(kind, listener, { ...options, signal: this.listeners.signal });
  }

  update({ data }) {
    const isNew = data.token !== this.data?.token;
    this.data = data;
    this.classNames = new Map(data.classes);
    if (!isNew) {
      this.show(); // classes may have other names
      return;
    }
    this.sitting?.log.send();
    this.sitting = sittingOf(data);
    this.sitting.log.onTrouble = (sentence) => this.tell(sentence);
    this.sitting.log.onRefused = (decisions, sentence) => this.refuse(decisions, sentence);
    this.find(".question").textContent = data.question;
    this.find(".sure-limit").value = this.sitting.limit;
    this.tell("");
    if (this.sitting.isLoaded) this.showPage();
    else this.load();
  }

  get isSearch() {
    return this.data.mode === "search";
  }

  // --- what to show ---

  async load() {
    const { sitting } = this;
    this.asked += 1;
    const { asked } = this;
    this.setBusy(true);
    try {
      if (this.isSearch) await this.loadAlike(sitting, asked);
      else if (!sitting.offered) await this.loadSuggestions(sitting);
    } catch (error) {
      if (asked !== this.asked) return;
      this.setBusy(false);
      this.tell(error.message);
      this.find(".message").textContent = "Press “Next 50” to try again.";
      return;
    }
    if (asked !== this.asked || sitting !== this.sitting) return;
    sitting.isLoaded = true;
    this.setBusy(false);
    this.tell("");
    if (!this.isSearch) this.turnSuggestions();
    sitting.active = 0;
    this.showPage();
  }

  async loadAlike(sitting, asked) {
    const { into, among, examples } = this.data;
    const { log } = sitting;
    const search = { into, among, examples, wanted: log.idsOf(true), unwanted: log.idsOf(false), passed: [...sitting.passed] };
    const found = await askServer(`${this.data.url}/alike`, { method: "POST", body: JSON.stringify(search) });
    if (asked !== this.asked) return;
    sitting.page = found.photos.map(([id, hash, name, said]) => ({ id, hash, name, said, classId: into }));
    sitting.numLeft = found.num_left;
    const unknown = found.num_unknown;
    sitting.note = unknown ? `${unknown.toLocaleString("en")} more have not been looked at, or cannot be read.` : "";
  }

  async loadSuggestions(sitting) {
    const told = await askServer(`${this.data.url}/suggestions/${this.data.among}/${this.data.adviser}`);
    sitting.offered = told.ids.map((id, row) => ({
      id,
      hash: told.hashes[row],
      name: told.names[row],
      classId: told.class_ids[row],
      certainty: told.certainties[row],
    }));
    sitting.note = told.unsorted;
  }

  // The next suggestions that nobody has decided on.
  turnSuggestions() {
    const { sitting } = this;
    const open = this.openSuggestions();
    sitting.page = open.slice(0, PER_PAGE);
    sitting.numLeft = open.length;
  }

  openSuggestions() {
    const { marks, passed, offered } = this.sitting;
    return (offered ?? []).filter(({ id }) => !marks.has(id) && !passed.has(id));
  }

  // --- decisions ---

  decide(isWanted, photos = this.activePhotos(), classId = null) {
    const { sitting } = this;
    const open = photos.filter(({ id }) => !sitting.marks.has(id));
    if (open.length === 0 || this.isBusy) return;
    const classOf = Object.fromEntries(open.map((photo) => [photo.id, classId ?? photo.classId]));
    sitting.log.add(open.map(({ id }) => id), isWanted ? classOf : null);
    open.forEach(({ id }) => sitting.marks.set(id, { isWanted, classId: classOf[id] }));
    sitting.numLeft -= open.length;
    this.goOn();
  }

  activePhotos() {
    const photo = this.sitting.page[this.sitting.active];
    return photo ? [photo] : [];
  }

  // To the next photo that is not decided; to the next page where none is left on this one.
  goOn() {
    const { sitting } = this;
    const isOpen = (photo) => !sitting.marks.has(photo.id);
    const after = sitting.page.findIndex((photo, index) => index > sitting.active && isOpen(photo));
    const next = after >= 0 ? after : sitting.page.findIndex(isOpen);
    if (next < 0) {
      this.show();
      this.load();
      return;
    }
    sitting.active = next;
    this.show();
    this.focus();
  }

  undo() {
    const { sitting } = this;
    if (this.isBusy) return;
    const decision = sitting.log.takeBack();
    if (!decision) return;
    decision.ids.forEach((id) => sitting.marks.delete(id));
    sitting.numLeft += decision.ids.length;
    this.bringBack(decision.ids);
  }

  // Show photos that are open again; those of earlier pages come to the front.
  bringBack(ids) {
    const { sitting } = this;
    if (!this.isSearch && ids.length > 1) {
      this.turnSuggestions();
      sitting.active = 0;
      this.showPage();
      return;
    }
    const shown = new Set(sitting.page.map(({ id }) => id));
    const gone = ids.slice(0, PER_PAGE).filter((id) => !shown.has(id)).flatMap((id) => sitting.seen?.get(id) ?? []);
    if (gone.length > 0) {
      sitting.page = [...gone, ...sitting.page];
      sitting.active = 0;
      this.showPage();
      return;
    }
    sitting.active = Math.max(0, sitting.page.findIndex(({ id }) => id === ids[0]));
    this.show();
    this.focus();
  }

  passOver() {
    const { sitting } = this;
    if (this.isBusy) return;
    sitting.page.forEach(({ id }) => { if (!sitting.marks.has(id)) sitting.passed.add(id); });
    this.load();
  }

  refuse(decisions, sentence) {
    const ids = decisions.flatMap((decision) => decision.ids);
    ids.forEach((id) => this.sitting.marks.delete(id));
    this.sitting.numLeft += ids.length;
    if (ids.length > 0) this.bringBack(ids);
    this.tell(sentence);
  }

  // --- all of which the adviser is sure enough ---

  sureOnes() {
    return this.openSuggestions().filter(({ certainty }) => certainty * 100 >= this.sitting.limit);
  }

  showSure() {
    const form = this.find(".sure");
    form.hidden = this.isSearch || !this.sitting.offered?.length;
    if (form.hidden) return;
    const sure = this.sureOnes();
    const counts = new Map();
    sure.forEach(({ classId }) => counts.set(classId, (counts.get(classId) ?? 0) + 1));
    const parts = [...counts].toSorted((one, other) => other[1] - one[1]);
    const listed = parts.map(([id, number]) => `${this.className(id)} ${number.toLocaleString("en")}`).join(" · ");
    this.find(".sure-label").textContent = `All that are at least ${this.sitting.limit} % certain`;
    this.find(".sure-preview").textContent = listed;
    const button = this.find(".sure-take");
    button.textContent = `Put ${photosText(sure.length)} into ${parts.length === 1 ? "the class" : "the classes"}`;
    button.disabled = sure.length === 0;
  }

  takeSure() {
    const sure = this.sureOnes();
    this.decide(true, sure);
    this.sitting.log.send();
  }

  // --- drawing ---

  showPage() {
    const { sitting } = this;
    sitting.seen ??= new Map();
    sitting.page.forEach((photo) => sitting.seen.set(photo.id, photo));
    this.tiles = sitting.page.map((photo, index) => this.makeTile(photo, index));
    this.grid.replaceChildren(...this.tiles);
    this.show();
    if (this.hasFocus) this.focus();
  }

  makeTile(photo, index) {
    const tile = this.template.cloneNode(true);
    tile.dataset.index = index;
    const wantedPx = 170 * window.devicePixelRatio;
    const sidePx = TILE_SIDES_PX.find((side) => side >= wantedPx) ?? TILE_SIDES_PX.at(-1);
    tile.querySelector("img").src = `${this.data.photos_url}/${photo.hash}/${sidePx}.jpg`;
    return tile;
  }

  show() {
    const { sitting } = this;
    this.tiles.forEach((tile, index) => this.showTile(tile, sitting.page[index], index));
    const [yes, no] = [true, false].map((isWanted) => sitting.log.idsOf(isWanted).length);
    const left = Math.max(0, sitting.numLeft);
    const tally = [`${yes.toLocaleString("en")} yes`, `${no.toLocaleString("en")} no`, `${left.toLocaleString("en")} left`];
    setText(this.find(".tally"), tally.join(" · "));
    if (!this.isBusy) {
      const isEmpty = sitting.page.length === 0 && sitting.isLoaded;
      setText(this.find(".message"), [isEmpty ? this.endText() : "", sitting.note].filter(Boolean).join(" "));
    }
    this.find('[data-do="undo"]').disabled = sitting.log.size === 0;
    this.showSure();
    this.showOthers();
    if (this.dialog.open) this.showLarge();
  }

  endText() {
    if (this.sitting.passed.size > 0) {
      return `All were shown; ${photosText(this.sitting.passed.size)} passed over stay where they are. Begin anew to see them again.`;
    }
    if (this.isSearch) return "There are no more photos to look through.";
    return this.sitting.log.size > 0 ? "All suggestions were looked at." : "There are no suggestions.";
  }

  showTile(tile, photo, index) {
    const mark = this.sitting.marks.get(photo.id);
    const state = mark ? (mark.isWanted ? "yes" : "no") : "";
    tile.dataset.state = state;
    tile.classList.toggle("is-active", index === this.sitting.active);
    tile.tabIndex = index === this.sitting.active ? 0 : -1;
    const said = this.saidOf(photo, mark);
    setText(tile.querySelector(".said"), said);
    const decided = { yes: "decided: yes", no: "decided: no", "": "" }[state];
    tile.setAttribute("aria-label", [photo.name, said, decided].filter(Boolean).join(", "));
    tile.title = photo.name;
  }

  saidOf(photo, mark) {
    if (this.isSearch) return this.data.among === null ? photo.said : "";
    if (mark?.isWanted) return this.className(mark.classId);
    return `${this.className(photo.classId)} · ${percent(photo.certainty)}`;
  }

  className(id) {
    return this.classNames.get(id) ?? "a class that is gone";
  }

  showOthers() {
    const box = this.find(".others");
    box.hidden = this.isSearch || this.sitting.page.length === 0;
    if (box.hidden) return;
    const classes = this.otherClasses();
    if (box.dataset.shown === JSON.stringify(classes)) return;
    box.dataset.shown = JSON.stringify(classes);
    const label = Object.assign(document.createElement("span"), { textContent: "Rather:" });
    box.replaceChildren(label, ...classes.map(([id, name], index) => {
      const button = Object.assign(document.createElement("button"), { type: "button" });
      button.dataset.classId = id;
      button.append(Object.assign(document.createElement("kbd"), { textContent: index + 1 }), name);
      return button;
    }));
  }

  otherClasses() {
    return this.data.classes.filter(([id]) => id !== this.data.among).slice(0, MAX_NUMBER_KEYS);
  }

  setBusy(isBusy) {
    this.isBusy = isBusy;
    this.hasFocus = isBusy ? this.box.getRootNode().activeElement !== null : this.hasFocus;
    this.box.classList.toggle("is-busy", isBusy);
    if (isBusy) setText(this.find(".message"), this.isSearch ? "Looking for the most alike …" : "Asking where they belong …");
  }

  tell(sentence) {
    const trouble = this.find(".trouble");
    setText(trouble, sentence);
    trouble.hidden = !sentence;
  }

  markMissing(target, isMissing) {
    if (target.tagName === "IMG") target.closest(".tile").classList.toggle("is-missing", isMissing);
  }

  // --- keys, mouse and fingers ---

  focus() {
    const tile = this.tiles[this.sitting?.active];
    if (!tile || this.dialog.open) return;
    tile.focus({ preventScroll: true });
    tile.scrollIntoView({ block: "nearest" });
  }

  onFocus(event) {
    const tile = event.target.closest(".tile");
    if (tile) this.activate(Number(tile.dataset.index));
  }

  activate(index) {
    if (index === this.sitting.active) return;
    this.sitting.active = index;
    this.show();
  }

  onKeyDown(event) {
    if (event.altKey || event.target.matches("input")) return;
    const isCommand = event.ctrlKey || event.metaKey;
    const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
    const isUndo = key === "u" || key === "Backspace" || (isCommand && key === "z");
    if (isUndo) this.undo();
    else if (isCommand) return;
    else if (key === "y" && event.shiftKey) this.do("rest");
    else if (key === "y" && !event.repeat) this.do("yes");
    else if (key === "n" && !event.repeat) this.do("no");
    else if (key === "m" && !event.repeat) this.do("more");
    else if (key === " " && !event.target.matches("button")) this.do("large");
    else if (/^[1-9]$/u.test(key)) this.putInto(Number(key) - 1);
    else if (!this.move(event)) return;
    event.preventDefault();
    event.stopPropagation(); // nor Streamlit's own shortcuts
  }

  move(event) {
    const columns = getComputedStyle(this.grid).gridTemplateColumns.split(" ").length;
    const steps = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -columns, ArrowDown: columns };
    const step = this.dialog.open ? Math.sign(steps[event.key]) : steps[event.key];
    if (!step) return false;
    const to = this.sitting.active + step;
    if (to >= 0 && to < this.tiles.length) this.activate(to);
    this.focus();
    return true;
  }

  onClick(event) {
    if (event.target === this.dialog || event.target.closest(".close")) {
      this.dialog.close();
      return;
    }
    const action = event.target.closest("[data-do]");
    if (action) this.do(action.dataset.do);
    const other = event.target.closest("[data-class-id]");
    if (other) this.decide(true, this.activePhotos(), Number(other.dataset.classId));
    const tile = event.target.closest(".tile");
    if (!tile) return;
    this.activate(Number(tile.dataset.index));
    if (event.target.closest(".tile-yes")) this.decide(true);
    else if (event.target.closest(".tile-no")) this.decide(false);
    else if (event.detail > 1) this.do("large");
    else this.focus();
  }

  onSwipe(event) {
    const distance = event.clientX - this.swipeStart;
    if (event.pointerType === "touch" && Math.abs(distance) > SWIPE_PX) this.do(distance > 0 ? "yes" : "no");
  }

  do(what) {
    if (what === "yes") this.decide(true);
    else if (what === "no") this.decide(false);
    else if (what === "undo") this.undo();
    else if (what === "rest") this.decide(true, this.sitting.page);
    else if (what === "more") this.passOver();
    else if (this.dialog.open) this.dialog.close();
    else if (this.sitting.page.length > 0) {
      this.dialog.showModal();
      this.dialog.focus(); // or the space bar would press the first button
      this.showLarge();
    }
  }

  putInto(number) {
    const classes = this.isSearch ? [] : this.otherClasses();
    if (classes[number]) this.decide(true, this.activePhotos(), classes[number][0]);
  }

  showLarge() {
    const photo = this.sitting.page[this.sitting.active];
    if (!photo) {
      this.dialog.close();
      return;
    }
    const image = this.dialog.querySelector("img");
    const url = `${this.data.photos_url}/${photo.hash}/${LARGE_SIDE_PX}.jpg`;
    if (image.getAttribute("src") !== url) image.src = url;
    image.alt = photo.name;
    const mark = this.sitting.marks.get(photo.id);
    const asked = this.isSearch ? this.data.question : this.saidOf(photo, mark);
    setText(this.dialog.querySelector(".legend"), asked);
    this.dialog.dataset.state = mark ? (mark.isWanted ? "yes" : "no") : "";
    const following = this.sitting.page[this.sitting.active + 1];
    if (following) new Image().src = `${this.data.photos_url}/${following.hash}/${LARGE_SIDE_PX}.jpg`;
  }

  destroy() {
    this.listeners.abort();
    this.sitting?.log.send({ isLast: true });
    if (this.dialog.open) this.dialog.close();
  }
}

function photosText(number) {
  return number === 1 ? "1 photo" : `${number.toLocaleString("en")} photos`;
}

// Never certain: only a person is.
function percent(share) {
  const value = share * 100;
  return value >= 99.95 ? "> 99.9 %" : value > 99 ? `${value.toFixed(1)} %` : `${Math.round(value)} %`;
}

export default function render(component) {
  return mount(component, Sorter);
}
