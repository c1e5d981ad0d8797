// The networks of a race, or the values of a sweep, and how many have arrived.
class RaceTable {
  constructor(root) {
    this.text = root.querySelector(".text");
    this.track = root.querySelector(".track");
    this.bar = root.querySelector(".bar");
    this.trouble = root.querySelector(".trouble");
    this.table = root.querySelector(".race");
    this.watch = new Watch(this, { reports: true });
  }

  update({ data }) {
    this.watch.connect(data);
  }

  show({ fraction, text, caption, columns, rows, first }) {
    const isActive = fraction !== null;
    this.text.hidden = !isActive;
    this.track.hidden = !isActive;
    this.text.textContent = text;
    this.bar.style.translate = `${100 * (fraction ?? 0) - 100}%`;
    this.track.setAttribute("aria-valuenow", Math.round(100 * (fraction ?? 0)));
    this.track.setAttribute("aria-valuetext", text);
    this.table.caption.textContent = caption;
    const [head] = this.table.tHead.rows;
    if (head.cells.length === 0) head.append(...columns.map(headCell));
    this.table.tBodies[0].replaceChildren(...rows.map((row) => tableRow(row, columns, first)));
  }

  showTrouble(sentence) {
    this.trouble.textContent = sentence;
    this.trouble.hidden = !sentence;
  }

  destroy() {
    this.watch.end();
  }
}

function headCell(title) {
  const cell = document.createElement("th");
  cell.scope = "col";
  cell.textContent = title;
  return cell;
}

// Names are text, whatever letters they have. Only one that has arrived has a place.
function tableRow(cells, columns, first) {
  const row = document.createElement("tr");
  row.className = cells[0] === first ? "is-first" : "";
  row.append(...cells.map((text, number) => {
    const cell = document.createElement("td");
    cell.dataset.title = columns[number];
    cell.textContent = text;
    return cell;
  }));
  return row;
}

export default function render(component) {
  return mount(component, RaceTable);
}
