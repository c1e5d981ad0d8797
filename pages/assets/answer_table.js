// The answers as a table, of which only the rows near those in sight are in the document.

const ROW_PX = 36;
const MARGIN_ROWS = 12;

class AnswerTable {
  constructor(box) {
    this.box = box;
    this.head = box.querySelector("thead tr");
    this.body = box.querySelector("tbody");
    this.table = box.querySelector("table");
    this.photos = [];
    this.listeners = new AbortController();
    box.addEventListener("scroll", () => this.drawSoon(), { passive: true, signal: this.listeners.signal });
    this.resizing = new ResizeObserver(() => this.drawSoon());
    this.resizing.observe(box);
  }

  show(photos, allPhotos) {
    this.photos = photos;
    this.columns = COLUMNS.filter(({ isWanted }) => !isWanted || isWanted(allPhotos));
    this.showTitles();
    this.table.setAttribute("aria-rowcount", photos.length + 1);
    this.draw();
  }

  showTitles() {
    const signature = this.columns.map(({ title }) => title).join();
    if (signature === this.titles) return;
    this.titles = signature;
    this.head.replaceChildren(...this.columns.map((column) => {
      const cell = document.createElement("th");
      cell.scope = "col";
      cell.textContent = column.title;
      return cell;
    }));
  }

  drawSoon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.draw();
    });
  }

  draw() {
    if (!this.columns) return;
    const inSight = Math.ceil((this.box.clientHeight || 600) / ROW_PX);
    const first = Math.max(0, Math.floor(this.box.scrollTop / ROW_PX) - MARGIN_ROWS);
    const shown = this.photos.slice(first, first + inSight + 2 * MARGIN_ROWS);
    const rest = this.photos.length - first - shown.length;
    const rows = shown.map((photo, place) => this.rowOf(photo, first + place));
    this.body.replaceChildren(this.filler(first), ...rows, this.filler(rest));
    this.keepWidths();
  }

  // Columns do not jump when other rows come into sight; at most they grow.
  keepWidths() {
    const titles = [...this.head.children];
    const widths = titles.map((title) => title.offsetWidth);
    titles.forEach((title, place) => { title.style.minWidth = `${widths[place]}px`; });
  }

  rowOf(photo, index) {
    const row = document.createElement("tr");
    row.setAttribute("aria-rowindex", index + 2);
    row.append(...this.columns.map((column) => {
      const cell = document.createElement("td");
      const text = column.text(photo);
      cell.title = text;
      if (column.isShare) cell.append(...shareOf(photo, text));
      else cell.textContent = text;
      return cell;
    }));
    return row;
  }

  filler(numRows) {
    const row = document.createElement("tr");
    row.className = "filler";
    row.hidden = numRows === 0;
    row.setAttribute("aria-hidden", "true");
    row.style.height = `${numRows * ROW_PX}px`;
    return row;
  }

  destroy() {
    this.listeners.abort();
    this.resizing.disconnect();
    cancelAnimationFrame(this.frame);
  }
}

function shareOf(photo, text) {
  if (text === "") return [];
  const meter = Object.assign(document.createElement("span"), { className: "meter" });
  meter.append(document.createElement("i"));
  meter.style.setProperty("--share", `${100 * bestProbability(photo)}%`);
  return [meter, text];
}
