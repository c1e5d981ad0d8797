// Shapes go with the colours: for those who see few colours, and for more classes than there are colours. `scale` makes
// them look equally large.
const SHAPES = [
  { plotly: "circle", scale: 1, path: "M12 4a8 8 0 1 0 .01 0z" },
  { plotly: "diamond", scale: 1.15, path: "M12 2l9 10-9 10-9-10z" },
  { plotly: "square", scale: 1, path: "M4.500 4.500h15v15h-15z" },
  { plotly: "triangle-up", scale: 1.5, path: "M12 3l10 17H2z" },
  { plotly: "cross", scale: 1.2, path: "M9 3h6v6h6v6h-6v6H9v-6H3V9h6z" },
  { plotly: "triangle-down", scale: 1.5, path: "M12 21L2 4h20z" },
  { plotly: "star", scale: 1.5, path: "M12 1.500l3 7.300 7.900.6-6 5.100 1.900 7.700-6.800-4.100-6.800 4.100 1.900-7.700-6-5.100 7.900-.6z" },
];
const NUM_SPLIT_COLOURS = 3;
const PLAIN_COLOURS = ["#2f7fd0", "#e0a912", "#5f8d3f", "#c2543d", "#7a5bb5", "#3d9ea0"];
const TIP_SIDE_PX = 256;
const TIP_DISTANCE_PX = 14;

class DatasetMap {
  constructor(root) {
    this.box = root.querySelector(".bluetit-map");
    this.plot = this.find("plot");
    this.tip = this.find("tip");
    this.report = new SelectionReport();
    this.selected = new Set(); // of image ids
    this.hidden = new Set(); // of class names
    this.mode = "lasso";
    this.generation = null;
    this.isDrawn = false;
    this.numDrawn = 0;
    this.isAdding = false; // Shift, Ctrl or Cmd was down when the pointer went down
    this.listeners = new AbortController();
    this.listenToBar();
    const onPointerDown = (event) => { this.isAdding = event.shiftKey || event.ctrlKey || event.metaKey; };
    this.listen(this.plot, "pointerdown", onPointerDown, { capture: true });
    this.listen(this.plot, "pointerleave", () => this.hideTip());
    this.listen(document, "scroll", () => this.hideTip(), { capture: true, passive: true });
    this.resizing = new ResizeObserver(() => { if (this.isDrawn) window.Plotly.Plots.resize(this.plot); });
    this.resizing.observe(this.plot);
  }

  find(name) {
    return this.box.querySelector(`.bluetit-map-${name}`);
  }

  listen(target, kind, listener, options = {}) {
    target.addEventListener(kind, listener, { ...options, signal: this.listeners.signal });
  }

  listenToBar() {
    this.box.querySelectorAll("[data-mode]").forEach((button) => {
      this.listen(button, "click", () => this.setMode(button.dataset.mode));
    });
    this.box.querySelectorAll("[data-zoom]").forEach((button) => {
      this.listen(button, "click", () => this.zoom(Number(button.dataset.zoom)));
    });
    this.listen(this.find("all"), "click", () => {
      if (this.isDrawn) window.Plotly.relayout(this.plot, { "xaxis.autorange": true, "yaxis.autorange": true });
    });
    this.listen(this.find("none"), "click", () => this.select([]));
    this.showMode();
  }

  async update(component) {
    const { data } = component;
    const isNew = this.generation === null;
    this.report.connect(component);
    this.data = data;
    this.colours = themeColours(this.box);
    let isChanged = false;
    if (data.generation !== this.generation) {
      this.report.cancel();
      this.selected.clear();
      this.generation = data.generation;
    }
    if (isNew) {
      this.report.takeOver().forEach((id) => this.selected.add(id));
      isChanged = this.selected.size > 0;
    }
    const ids = new Set(data.ids);
    this.selected.forEach((id) => { isChanged = (!ids.has(id) && this.selected.delete(id)) || isChanged; });
    if (isChanged) this.report.sendSoon(this.selected);
    this.classes = groupByClass(data, this.colours);
    this.showClasses();
    this.showSelection();
    try {
      this.plotly = await loadPlotly(data.plotly_url);
    } catch {
      this.find("message").textContent = "The map could not be loaded. Look at your connection and reload the page.";
      return;
    }
    if (data === this.data && !this.listeners.signal.aborted) await this.draw();
  }

  async draw() {
    this.numDrawn += 1;
    this.isDrawing = true;
    const figure = [this.traces(), this.layout(), { displayModeBar: false, scrollZoom: true, doubleClick: false }];
    try {
      await this.plotly.react(this.plot, ...figure);
    } finally {
      this.isDrawing = false;
    }
    this.find("message").hidden = true;
    this.plot.setAttribute("aria-label", `Map of ${this.data.ids.length} photos, coloured by class`);
    if (this.isDrawn) return;
    this.isDrawn = true;
    this.plot.on("plotly_selected", (event) => {
      // Plotly reports its own redrawing too, and is not done with a selection when it reports one.
      if (event && !this.isDrawing) setTimeout(() => this.onSelected(event.points));
    });
    this.plot.on("plotly_hover", (event) => this.showTip(event));
    this.plot.on("plotly_click", (event) => this.onClicked(event));
    this.plot.on("plotly_unhover", () => this.hideTip());
    this.plot.on("plotly_selecting", () => this.hideTip());
    this.plot.on("plotly_relayouting", () => this.hideTip());
  }

  traces() {
    const count = this.data.ids.length;
    const size = count < 300 ? 11 : count < 3000 ? 8 : 6;
    return this.classes.map(({ name, rows, colour, shape }) => {
      const chosen = rows.flatMap((row, index) => (this.selected.has(this.data.ids[row]) ? [index] : []));
      return {
        type: hasWebGl() ? "scattergl" : "scatter",
        mode: "markers",
        x: rows.map((row) => this.data.x[row]),
        y: rows.map((row) => this.data.y[row]),
        customdata: rows,
        hoverinfo: "none",
        visible: !this.hidden.has(name),
        marker: {
          size: size * shape.scale,
          color: colour,
          symbol: shape.plotly,
          opacity: 0.9,
          line: { color: this.colours.background, width: 1 },
        },
        selectedpoints: this.selected.size > 0 ? chosen : null,
        selected: { marker: { opacity: 1, size: size * shape.scale * 1.25 } },
        unselected: { marker: { opacity: 0.22 } },
      };
    });
  }

  layout() {
    const axis = { visible: false, zeroline: false, showgrid: false };
    const { primary } = this.colours;
    return {
      xaxis: { ...axis },
      yaxis: { ...axis },
      margin: { l: 8, r: 8, t: 8, b: 8 },
      autosize: true,
      showlegend: false,
      hovermode: "closest",
      hoverdistance: 14,
      dragmode: this.mode,
      clickmode: "event",
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { color: this.colours.text },
      // Outlines go at once, for they would keep the pointer from the points; the points themselves stay marked.
      selections: [],
      selectionrevision: this.numDrawn, // what is selected is this component's business, not Plotly's
      newselection: { line: { color: primary, width: 2, dash: "solid" } },
      uirevision: "zoom", // which survives new data
    };
  }

  // --- selection ---

  onSelected(points) {
    const ids = points.map((point) => this.data.ids[point.customdata]);
    this.select(this.isAdding ? [...this.selected, ...ids] : ids);
  }

  onClicked(event) {
    const id = this.data.ids[event.points[0].customdata];
    const others = [...this.selected].filter((other) => other !== id);
    if (this.isAdding) this.select(others.length < this.selected.size ? others : [...others, id]);
    else this.select([id]);
    this.showTip(event);
  }

  select(ids) {
    this.selected = new Set(ids);
    this.showSelection();
    this.report.sendSoon(this.selected);
    if (this.isDrawn) this.draw();
  }

  showSelection() {
    const { size } = this.selected;
    const text = size === 0 ? "" : `${size.toLocaleString("en")} selected`;
    this.find("chosen").firstElementChild.textContent = text;
    this.find("none").hidden = size === 0;
  }

  // --- bar and classes ---

  setMode(mode) {
    this.mode = mode;
    this.showMode();
    if (this.isDrawn) this.plotly.relayout(this.plot, { dragmode: mode });
  }

  showMode() {
    this.box.querySelectorAll("[data-mode]").forEach((button) => {
      button.setAttribute("aria-pressed", String(button.dataset.mode === this.mode));
    });
  }

  zoom(factor) {
    if (!this.isDrawn) return;
    const around = (axis) => {
      const [low, high] = this.plot._fullLayout[axis].range;
      const [middle, half] = [(low + high) / 2, ((high - low) / 2) * factor];
      return [middle - half, middle + half];
    };
    this.plotly.relayout(this.plot, { "xaxis.range": around("xaxis"), "yaxis.range": around("yaxis") });
  }

  showClasses() {
    const box = this.find("classes");
    const focused = [...box.children].indexOf(document.activeElement);
    box.replaceChildren(...this.classes.map((kind) => this.classButton(kind)));
    box.children[focused]?.focus();
  }

  classButton({ name, rows, colour, shape }) {
    const button = document.createElement("button");
    button.type = "button";
    button.title = "Show or hide this class";
    button.setAttribute("aria-pressed", String(!this.hidden.has(name)));
    const label = document.createElement("span");
    label.className = "bluetit-map-class-name";
    label.textContent = name;
    const count = document.createElement("span");
    count.className = "bluetit-map-count";
    count.textContent = rows.length.toLocaleString("en");
    button.append(shapeIcon(shape, colour), label, count);
    button.addEventListener("click", () => this.toggleClass(name));
    return button;
  }

  toggleClass(name) {
    if (!this.hidden.delete(name)) this.hidden.add(name);
    this.showClasses();
    const hiddenIds = new Set(
      this.classes.filter((kind) => this.hidden.has(kind.name)).flatMap(({ rows }) => rows.map((row) => this.data.ids[row]))
    );
    const left = [...this.selected].filter((id) => !hiddenIds.has(id));
    if (left.length !== this.selected.size) this.select(left);
    else if (this.isDrawn) this.draw();
  }

  // --- the photo at the pointer ---

  showTip({ points, event }) {
    const row = points[0].customdata;
    const { data, tip } = this;
    const image = tip.querySelector("img");
    const url = `${data.photos_url}/${data.hashes[row]}/${TIP_SIDE_PX}.jpg`;
    if (image.getAttribute("src") !== url) {
      image.removeAttribute("src"); // not the photo before, while this one is on its way
      image.src = url;
    }
    this.find("tip-name").textContent = data.names[row];
    this.find("tip-class").textContent = data.class_names[data.class_numbers[row]];
    tip.hidden = false;
    const stage = tip.parentElement.getBoundingClientRect();
    const { clientX, clientY } = event.changedTouches?.[0] ?? event;
    const place = (at, extent, own) => {
      const after = at + TIP_DISTANCE_PX;
      return after + own <= extent ? after : Math.max(4, Math.min(at - TIP_DISTANCE_PX, extent - 4) - own);
    };
    const left = place(clientX - stage.left, stage.width, tip.offsetWidth);
    const top = place(clientY - stage.top, stage.height, tip.offsetHeight);
    tip.style.transform = `translate(${left}px, ${top}px)`;
  }

  hideTip() {
    this.tip.hidden = true;
  }

  destroy() {
    this.listeners.abort();
    this.resizing.disconnect();
    this.report.end(this.selected);
    if (this.isDrawn) this.plotly.purge(this.plot);
    this.isDrawn = false;
  }
}

function groupByClass(data, colours) {
  const classes = data.class_names.map((name, number) => ({
    name,
    rows: [],
    colour: colours.classes[number % colours.classes.length],
    shape: SHAPES[number % SHAPES.length],
  }));
  data.class_numbers.forEach((number, row) => classes[number].rows.push(row));
  return classes;
}

// The first colours mean train, validation and test in the chart beside the map; classes take them last.
function rotated(colours) {
  return [...colours.slice(NUM_SPLIT_COLOURS), ...colours.slice(0, NUM_SPLIT_COLOURS)];
}

function themeColours(element) {
  const read = themeOf(element);
  const listed = listedColours(read);
  return {
    text: read("text-color"),
    background: read("background-color"),
    primary: read("primary-color"),
    classes: rotated(listed.length > 0 ? listed : PLAIN_COLOURS),
  };
}

function shapeIcon(shape, colour) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  path.setAttribute("d", shape.path);
  path.setAttribute("fill", colour);
  svg.append(path);
  return svg;
}

let isWebGlThere = null;

// Browsers on machines without a graphics card may have none; plain SVG is slower and looks the same.
function hasWebGl() {
  isWebGlThere ??= Boolean(document.createElement("canvas").getContext("webgl"));
  return isWebGlThere;
}

export default function render(component) {
  return mount(component, DatasetMap);
}
