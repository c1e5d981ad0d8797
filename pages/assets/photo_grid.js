const COMPACT_BELOW_PX = 104;
const THUMBNAIL_SIDES_PX = [128, 256, 512, 1024];
const LARGE_SIDE_PX = 1024;
// Thumbnails keep their shape and are cropped to a square: the short side has to fill it too.
const CROP_RESERVE = 1.3;
const SWIPE_PX = 50;

class PhotoGrid {
  constructor(root) {
    this.root = root;
    this.list = root.querySelector(".grid");
    this.template = root.querySelector(".tile-template").content.firstElementChild;
    this.viewer = new Viewer(root.querySelector(".viewer"), {
      onClosed: (index) => this.focus(index),
      onDelete: (id) => this.outbox.send("delete_pressed", [id]),
    });
    this.report = new SelectionReport();
    this.photos = [];
    this.tiles = new Map(); // by image id
    this.selected = new Set(); // of image ids
    this.active = 0; // index of the photo that the Tab key reaches
    this.anchor = 0; // index at which a range begins
    this.generation = null;
    this.pointerType = "mouse";
    this.listeners = new AbortController();
    this.listen("pointerdown", (event) => { this.pointerType = event.pointerType; });
    this.listen("click", (event) => this.onClick(event));
    this.listen("dblclick", (event) => this.onDoubleClick(event));
    this.listen("keydown", (event) => this.onKeyDown(event));
    this.listen("mousedown", (event) => { if (event.shiftKey) event.preventDefault(); }); // marks no text
    // These two do not bubble up to the list.
    this.listen("error", (event) => this.markMissing(event.target, true), true);
    this.listen("load", (event) => this.markMissing(event.target, false), true);
  }

  listen(kind, listener, capture = false) {
    this.list.addEventListener(kind, listener, { capture, signal: this.listeners.signal });
  }

  update(component) {
    const { data } = component;
    const isNew = this.generation === null;
    this.report.connect(component);
    this.canDelete = data.can_delete;
    this.photosUrl = data.photos_url;
    this.list.setAttribute("aria-label", data.label);
    this.list.style.setProperty("--size", `${data.size_px}px`);
    this.list.classList.toggle("is-compact", data.size_px < COMPACT_BELOW_PX);
    const before = [...this.selected];
    if (data.generation !== this.generation) {
      this.report.cancel();
      this.selected.clear();
      before.length = 0;
      this.generation = data.generation;
    }
    if (isNew) this.report.takeOver().forEach((id) => this.selected.add(id));
    this.show(data.photos.map(([id, hash, name, caption, tone]) => ({ id, hash, name, caption, tone })), data.size_px);
    this.selected.forEach((id) => { if (!this.tiles.has(id)) this.selected.delete(id); });
    this.paint();
    if (this.selected.size !== before.length) this.report.sendSoon(this.selected);
    this.viewer.update(this.photos, data, { isWaiting: this.outbox.isWaiting });
  }

  // Tiles of photos that stay are kept, so that nothing flickers and the focus stays where it is.
  show(photos, sizePx) {
    const hadFocus = this.list.contains(this.root.activeElement);
    const activeId = this.photos[this.active]?.id;
    const anchorId = this.photos[this.anchor]?.id;
    const ids = new Set(photos.map((photo) => photo.id));
    this.tiles.forEach((tile, id) => {
      if (ids.has(id)) return;
      tile.remove();
      this.tiles.delete(id);
    });
    this.photos = photos;
    this.indices = new Map(photos.map((photo, index) => [photo.id, index]));
    let next = this.list.firstElementChild;
    for (const photo of photos) {
      const tile = this.tiles.get(photo.id) ?? this.makeTile(photo.id);
      this.fillTile(tile, photo, sizePx);
      if (tile === next) next = next.nextElementSibling;
      else this.list.insertBefore(tile, next);
    }
    const last = Math.max(0, photos.length - 1);
    this.active = this.indices.get(activeId) ?? Math.min(this.active, last);
    this.anchor = this.indices.get(anchorId) ?? this.active;
    if (hadFocus && !this.list.contains(this.root.activeElement)) this.focus(this.active);
  }

  makeTile(id) {
    const tile = this.template.cloneNode(true);
    tile.dataset.id = id;
    this.tiles.set(id, tile);
    return tile;
  }

  fillTile(tile, photo, sizePx) {
    const facts = [photo.name, photo.caption].filter(Boolean).join(", ");
    tile.setAttribute("aria-label", facts);
    tile.title = facts;
    setText(tile.querySelector(".name"), photo.name);
    const caption = tile.querySelector(".caption");
    setText(caption, photo.caption);
    caption.dataset.tone = photo.tone;
    const wantedPx = sizePx * CROP_RESERVE * window.devicePixelRatio;
    const sidePx = THUMBNAIL_SIDES_PX.find((side) => side >= wantedPx) ?? LARGE_SIDE_PX;
    const image = tile.querySelector("img");
    const url = `${this.photosUrl}/${photo.hash}/${sidePx}.jpg`;
    if (image.getAttribute("src") !== url) image.src = url;
  }

  markMissing(target, isMissing) {
    if (target.tagName === "IMG") target.closest(".tile").classList.toggle("is-missing", isMissing);
  }

  paint() {
    this.photos.forEach((photo, index) => {
      const tile = this.tiles.get(photo.id);
      const isSelected = String(this.selected.has(photo.id));
      if (tile.getAttribute("aria-selected") !== isSelected) tile.setAttribute("aria-selected", isSelected);
      const tabIndex = index === this.active ? 0 : -1;
      if (tile.tabIndex !== tabIndex) tile.tabIndex = tabIndex;
    });
  }

  focus(index) {
    const tile = this.tiles.get(this.photos[index]?.id);
    if (!tile) return;
    this.active = index;
    this.paint();
    tile.focus();
    tile.scrollIntoView({ block: "nearest" });
  }

  changed() {
    this.paint();
    this.report.sendSoon(this.selected);
  }

  select(ids) {
    this.selected = new Set(ids);
    this.changed();
  }

  toggle(index) {
    const { id } = this.photos[index];
    if (!this.selected.delete(id)) this.selected.add(id);
    this.anchor = index;
    this.changed();
  }

  selectRange(to, { keepsOthers = false } = {}) {
    const [first, last] = [Math.min(this.anchor, to), Math.max(this.anchor, to)];
    const range = this.photos.slice(first, last + 1).map((photo) => photo.id);
    this.select(keepsOthers ? [...this.selected, ...range] : range);
  }

  indexOf(event) {
    const tile = event.target.closest(".tile");
    return tile ? this.indices.get(Number(tile.dataset.id)) : undefined;
  }

  onClick(event) {
    const index = this.indexOf(event);
    if (index === undefined) return;
    this.active = index;
    this.tiles.get(this.photos[index].id).focus({ preventScroll: true });
    const isCommand = event.ctrlKey || event.metaKey;
    const isTouch = (event.pointerType || this.pointerType) === "touch";
    if (event.target.closest(".zoom")) this.viewer.open(index);
    else if (event.shiftKey) this.selectRange(index, { keepsOthers: isCommand });
    else if (isCommand || isTouch || event.target.closest(".check")) this.toggle(index);
    else {
      this.anchor = index;
      this.select([this.photos[index].id]);
    }
    this.paint();
  }

  onDoubleClick(event) {
    const index = this.indexOf(event);
    if (index !== undefined && !event.target.closest(".check, .zoom")) this.viewer.open(index);
  }

  onKeyDown(event) {
    if (event.altKey || this.photos.length === 0) return;
    const isCommand = event.ctrlKey || event.metaKey;
    const target = this.keyTarget(event.key);
    if (target !== null) {
      const to = Math.max(0, Math.min(this.photos.length - 1, target));
      this.focus(to);
      if (event.shiftKey) this.selectRange(to, { keepsOthers: isCommand });
      else this.anchor = to;
    } else if (event.key === " ") this.toggle(this.active);
    else if (event.key === "Enter") this.viewer.open(this.active);
    else if (isCommand && event.key.toLowerCase() === "a") this.select(this.photos.map((photo) => photo.id));
    else if (event.key === "Escape" && this.selected.size > 0) this.select([]);
    else if (event.key === "Delete" || (event.metaKey && event.key === "Backspace")) this.pressDelete(event);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  // The index that a key leads to, perhaps beyond the ends; null for keys that do not move.
  keyTarget(key) {
    const columns = this.numColumns();
    const last = this.photos.length - 1;
    const below = this.active + columns;
    const isInLastRow = Math.floor(this.active / columns) === Math.floor(last / columns);
    switch (key) {
      case "ArrowLeft": return this.active - 1;
      case "ArrowRight": return this.active + 1;
      case "ArrowUp": return this.active < columns ? this.active : this.active - columns;
      case "ArrowDown": return isInLastRow ? this.active : below;
      case "Home": return 0;
      case "End": return last;
      default: return null;
    }
  }

  numColumns() {
    return getComputedStyle(this.list).gridTemplateColumns.split(" ").length;
  }

  pressDelete(event) {
    if (!this.canDelete || this.selected.size === 0 || event.repeat) return;
    if (this.report.isPending) this.report.send(this.selected);
    this.outbox.send("delete_pressed", [...this.selected]);
  }

  destroy() {
    this.listeners.abort();
    this.viewer.destroy();
    this.report.end(this.selected);
    this.list.replaceChildren();
  }
}

// The large photo over the whole window.
class Viewer {
  constructor(dialog, { onClosed, onDelete }) {
    this.dialog = dialog;
    this.onClosed = onClosed;
    this.onDelete = onDelete;
    this.image = dialog.querySelector(".large");
    this.unreadable = dialog.querySelector(".unreadable");
    this.photos = [];
    this.shownId = null;
    this.listeners = new AbortController();
    this.listen(dialog, "close", () => this.onClose());
    this.listen(dialog, "keydown", (event) => this.onKeyDown(event));
    this.listen(dialog, "click", (event) => { if (event.target === dialog) dialog.close(); });
    this.listen(dialog, "pointerdown", (event) => { this.swipeStart = event.clientX; });
    this.listen(dialog, "pointerup", (event) => this.onSwipe(event));
    this.listen(dialog.querySelector(".close"), "click", () => dialog.close());
    this.listen(dialog.querySelector(".delete"), "click", () => this.delete());
    this.listen(dialog.querySelector(".previous"), "click", () => this.step(-1));
    this.listen(dialog.querySelector(".next"), "click", () => this.step(1));
    this.listen(this.image, "error", () => this.showReadable(false));
    this.listen(this.image, "load", () => this.showReadable(true));
  }

  listen(target, kind, listener) {
    target.addEventListener(kind, listener, { signal: this.listeners.signal });
  }

  update(photos, { photos_url: photosUrl, can_delete: canDelete }, { isWaiting }) {
    this.photos = photos;
    this.photosUrl = photosUrl;
    this.dialog.querySelector(".delete").hidden = !canDelete;
    this.setWaiting(isWaiting);
    if (!this.dialog.open) return;
    const isGone = this.index < 0;
    if (photos.length === 0) this.dialog.close();
    else this.show(isGone ? Math.min(this.lastIndex, photos.length - 1) : this.index);
  }

  // Until the page has answered, another press would mean a photo that nobody has looked at.
  setWaiting(isWaiting) {
    this.isWaiting = isWaiting;
    this.dialog.classList.toggle("is-waiting", isWaiting);
  }

  delete() {
    if (this.isWaiting || this.dialog.querySelector(".delete").hidden) return;
    this.setWaiting(true);
    this.onDelete(this.shownId);
  }

  get index() {
    return this.photos.findIndex((photo) => photo.id === this.shownId);
  }

  open(index) {
    this.lastIndex = index;
    if (!this.dialog.open) this.dialog.showModal();
    this.show(index);
  }

  step(by) {
    const index = this.index + by;
    if (!this.isWaiting && index >= 0 && index < this.photos.length) this.show(index);
  }

  show(index) {
    const photo = this.photos[index];
    this.shownId = photo.id;
    this.lastIndex = index;
    this.dialog.setAttribute("aria-label", photo.name);
    this.image.alt = photo.name;
    const url = this.urlOf(photo);
    if (this.image.getAttribute("src") !== url) this.image.src = url;
    setText(this.dialog.querySelector(".large-name"), photo.name);
    setText(this.dialog.querySelector(".large-caption"), photo.caption);
    setText(this.dialog.querySelector(".position"), `${index + 1} of ${this.photos.length}`);
    this.dialog.querySelector(".previous").disabled = index === 0;
    this.dialog.querySelector(".next").disabled = index === this.photos.length - 1;
    // The neighbours are likely to be wanted next.
    [this.photos[index + 1], this.photos[index - 1]].filter(Boolean).forEach((neighbour) => {
      new Image().src = this.urlOf(neighbour);
    });
  }

  urlOf(photo) {
    return `${this.photosUrl}/${photo.hash}/${LARGE_SIDE_PX}.jpg`;
  }

  showReadable(isReadable) {
    this.image.style.visibility = isReadable ? "" : "hidden";
    this.unreadable.hidden = isReadable;
  }

  onKeyDown(event) {
    const target = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (target !== undefined) {
      this.step(target);
      event.preventDefault();
    } else if (event.key === "Delete" && !event.repeat) this.delete();
    event.stopPropagation(); // neither the grid nor Streamlit's own shortcuts
  }

  onSwipe(event) {
    const distance = event.clientX - this.swipeStart;
    if (event.pointerType === "touch" && Math.abs(distance) > SWIPE_PX) this.step(distance > 0 ? -1 : 1);
  }

  onClose() {
    this.setWaiting(false);
    this.image.removeAttribute("src");
    this.shownId = null;
    this.onClosed(Math.min(this.lastIndex, this.photos.length - 1));
  }

  destroy() {
    this.listeners.abort();
    if (this.dialog.open) this.dialog.close();
  }
}

export default function render(component) {
  return mount(component, PhotoGrid);
}
