const PLAIN_COLOURS = ["#2f7fd0", "#e0a912", "#5f8d3f", "#c2543d"];
const TICK_STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000];
const TICK_DISTANCE_PX = 44;
const MARGIN = { l: 56, r: 14, t: 24, b: 38 };
const FINE_TUNING_ROW_PX = 18; // above the panels
const PANEL_GAP_PX = 32; // holds the title of the panel below it
const RATE_PANEL_PX = 38;
const ACCURACY_SHARE = 0.58; // of what accuracy and loss have together
const FULL_POINT_STEP_PX = 16; // where epochs are closer together, their points are smaller,
const MIN_POINT_STEP_PX = 9; // and here they would be a string of beads
const NARROW_PX = 560;
const MIN_RATE_DECADES = 1; // so that a small change looks small

class LiveChart {
  constructor(root) {
    this.box = root.querySelector(".bluetit-live");
    this.plot = this.box.querySelector(".bluetit-live-plot");
    this.message = this.box.querySelector(".bluetit-live-message");
    this.zoomRevision = 1; // Plotly takes zero for none
    this.isDrawn = false;
    this.isAlive = true;
    this.frame = null;
    this.drawnWidth = 0;
    this.watch = new Watch(this);
    this.isTouch = window.matchMedia("(pointer: coarse)").matches;
    this.box.querySelector(".bluetit-live-all").addEventListener("click", () => this.showAll());
    this.resizing = new ResizeObserver(() => { if (this.plot.clientWidth !== this.drawnWidth) this.drawSoon(); });
    this.resizing.observe(this.plot);
  }

  update({ data }) {
    this.settings = data;
    this.watch.connect(data);
    this.show(this.told); // in the colours of the theme, which may have changed
  }

  async show(told) {
    this.told = told;
    if (!told.chart) return; // the run was taken back to where it has none; the page is about to be made anew
    const colours = themeColours(this.box);
    const signature = JSON.stringify([told.chart, told.summary, colours]);
    if (signature === this.signature) return; // nothing new in it
    this.signature = signature;
    this.data = told.chart;
    this.colours = colours;
    this.box.setAttribute("aria-label", told.summary);
    this.box.style.setProperty("--bluetit-live-validation", colours.validation);
    this.box.style.setProperty("--bluetit-live-training", colours.training);
    this.box.style.setProperty("--bluetit-live-left", `${MARGIN.l}px`);
    this.plot.parentElement.style.height = `${this.settings.height_px}px`;
    this.showLegend();
    try {
      this.plotly = await loadPlotly(this.settings.plotly_url);
    } catch {
      this.signature = null;
      this.message.textContent = CHART_NOT_LOADED;
      return;
    }
    this.drawSoon();
  }

  // At most once per frame, and not at all in a tab that nobody sees.
  drawSoon() {
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      if (this.isAlive && this.plotly && this.plot.clientWidth > 0) this.draw();
    });
  }

  draw() {
    this.drawnWidth = this.plot.clientWidth;
    this.plotly.react(this.plot, this.traces(), this.layout(), CHART_CONFIG);
    if (this.isDrawn) return;
    this.isDrawn = true;
    this.message.hidden = true;
    this.plot.on("plotly_relayout", () => this.onZoomed());
    this.plot.on("plotly_doubleclick", () => this.showAll());
  }

  // What a training without validation photos, or without news of its batches, has no line of is not in the legend.
  showLegend() {
    const { epochs, validation_accuracy: accuracies, validation_loss: losses, batch_x: batches } = this.data;
    const isKnown = epochs.length > 0;
    const isEmpty = (values) => values.every((value) => value === null);
    const legend = this.box.querySelector(".bluetit-live-legend");
    legend.querySelector(".bluetit-live-validation").hidden = isKnown && isEmpty(accuracies) && isEmpty(losses);
    legend.querySelector(".bluetit-live-batches").hidden = isKnown && batches.length === 0;
  }

  // --- lines ---

  traces() {
    const { data, colours } = this;
    const { epochs } = data;
    const step = this.width() / this.epochsInSight();
    const scale = Math.min(1, Math.max(step, MIN_POINT_STEP_PX) / FULL_POINT_STEP_PX);
    const hasPoints = step >= MIN_POINT_STEP_PX || epochs.length === 1; // there is no line of one point
    const line = (values, yaxis, text, style) => ({
      type: "scatter",
      mode: hasPoints ? "lines+markers" : "lines",
      x: epochs,
      y: values,
      yaxis,
      cliponaxis: false, // points on the edge stay round
      hovertemplate: `${text}<extra></extra>`,
      ...style,
    });
    const style = (color, width, size) => ({
      line: { color, width },
      marker: { color, size: size * scale, line: { color: colours.background, width: scale < 1 ? 0 : 1 } },
    });
    const validation = style(colours.validation, 3, 8);
    const training = style(colours.training, 1.75, 5.5);
    return [
      this.batchTrace(),
      line(data.accuracy, "y", "training accuracy <b>%{y:.1f} %</b>", training),
      line(data.validation_accuracy, "y", "validation accuracy <b>%{y:.1f} %</b>", validation),
      line(data.loss, "y2", "training loss <b>%{y:.3~g}</b>", training),
      line(data.validation_loss, "y2", "validation loss <b>%{y:.3~g}</b>", validation),
      ...this.rateTraces(),
      this.bestTrace(),
    ];
  }

  batchTrace() {
    return {
      type: "scatter",
      mode: "lines",
      x: this.data.batch_x,
      y: this.data.batch_loss,
      yaxis: "y2",
      hoverinfo: "skip",
      line: { color: this.colours.training, width: 1 },
      opacity: 0.4,
    };
  }

  // An epoch's rate holds from the end of the epoch before; the first one's line is a trace of its own, for the pointer
  // must not find anything where it begins.
  rateTraces() {
    const { epochs, learning_rate: rates } = this.data;
    const style = {
      type: "scatter",
      mode: "lines",
      yaxis: "y3",
      line: { color: this.colours.quiet, width: 1.5, shape: "vh" },
    };
    const first = epochs.slice(0, 1);
    return [
      {
        ...style,
        x: first.flatMap((epoch) => [epoch - 1, epoch]),
        y: first.flatMap(() => [rates[0], rates[0]]),
        hoverinfo: "skip",
      },
      {
        ...style,
        x: epochs,
        y: rates,
        text: rates.map((rate) => (rate === null ? "" : plainNumber(rate))),
        hovertemplate: "learning rate <b>%{text}</b><extra></extra>",
      },
    ];
  }

  bestTrace() {
    const { best, accuracy_range: [low, high], x_range: [start, end] } = this.data;
    const [x, y] = best ?? [null, null];
    const across = (x - start) / (end - start);
    const side = across < 0.06 ? "right" : across > 0.94 ? "left" : "center";
    const height = (y - low) / (high - low) < 0.25 ? "top" : "bottom";
    return {
      type: "scatter",
      mode: "markers+text",
      x: best ? [x] : [],
      y: best ? [y] : [],
      text: ["best"],
      textposition: `${height} ${side}`,
      textfont: { color: this.colours.text, size: 13, weight: 600 },
      marker: { symbol: "circle-open", size: 15, color: this.colours.text, line: { width: 2 } },
      cliponaxis: false,
      hoverinfo: "skip",
    };
  }

  // --- axes ---

  layout() {
    const { data, colours } = this;
    const panels = this.panels();
    const margin = this.margin();
    const axis = { ...axisLook(colours), automargin: false };
    const [low, high] = data.accuracy_range;
    return {
      ...figureLook(colours, { tipPx: this.plot.clientWidth < NARROW_PX ? 12 : 13 }),
      width: this.plot.clientWidth,
      height: this.plot.clientHeight,
      margin,
      uirevision: this.zoomRevision, // as long as it stays the same, new data leaves the person's zoom alone
      dragmode: this.isTouch ? false : "zoom",
      hovermode: "x unified",
      hoversubplots: "axis",
      hoverdistance: -1,
      paper_bgcolor: colours.background, // the line at the pointer has an edge in this colour
      xaxis: {
        ...axis,
        fixedrange: false,
        anchor: "y3",
        range: [...data.x_range], // a copy, for Plotly writes the person's zoom into it
        minallowed: data.x_range[0],
        maxallowed: data.x_range[1],
        dtick: this.tickStep(),
        tick0: 0,
        tickformat: "d",
        showgrid: false,
        title: { text: "Epoch", standoff: 2, font: { size: 12 } },
        unifiedhovertitle: { text: "<b>Epoch %{x}</b>" },
        showspikes: true,
        spikemode: "across",
        spikethickness: 1,
        spikedash: "solid",
        spikecolor: colours.quiet,
      },
      // A little more than is asked for, so that a point at the very top is whole.
      yaxis: {
        ...axis,
        domain: panels.accuracy,
        range: [low, high + (high - low) * 0.03],
        nticks: 5,
        ticksuffix: " %",
      },
      yaxis2: { ...axis, domain: panels.loss, range: data.loss_range, nticks: 4, tickformat: "~g" },
      yaxis3: { ...axis, domain: panels.rate, type: "log", ...rateTicks(data.learning_rate) },
      annotations: [...this.titles(panels), ...this.fineTuningLabel(panels), ...this.waitingNote(panels)],
      shapes: [...this.comingBand(panels), ...this.baselines(panels), ...this.fineTuningLine(panels)],
    };
  }

  margin() {
    return { ...MARGIN, t: MARGIN.t + (this.data.fine_tuning_from === null ? 0 : FINE_TUNING_ROW_PX) };
  }

  // Where the panels are, as Plotly counts: from 0 at the bottom to 1 at the top.
  panels() {
    const margin = this.margin();
    const height = this.plot.clientHeight - margin.t - margin.b;
    const both = height - RATE_PANEL_PX - 2 * PANEL_GAP_PX;
    const lossTop = RATE_PANEL_PX + PANEL_GAP_PX + both * (1 - ACCURACY_SHARE);
    return {
      height,
      accuracy: [(lossTop + PANEL_GAP_PX) / height, 1],
      loss: [(RATE_PANEL_PX + PANEL_GAP_PX) / height, lossTop / height],
      rate: [0, RATE_PANEL_PX / height],
    };
  }

  width() {
    return this.plot.clientWidth - MARGIN.l - MARGIN.r;
  }

  epochsInSight() {
    const isZoomed = this.box.classList.contains("bluetit-live-zoomed");
    const [start, end] = isZoomed ? this.plot.layout.xaxis.range : this.data.x_range;
    return Math.max(1, end - start);
  }

  tickStep() {
    const places = Math.max(2, this.width() / TICK_DISTANCE_PX);
    return TICK_STEPS.find((step) => this.epochsInSight() / step <= places) ?? TICK_STEPS.at(-1);
  }

  titles(panels) {
    const title = (text, [, top]) => panelTitle(text, top, 2, this.colours);
    return [title("Accuracy", panels.accuracy), title("Loss", panels.loss), title("Learning rate", panels.rate)];
  }

  comingBand(panels) {
    const { reached, x_range: [, end] } = this.data;
    return [panels.accuracy, panels.loss, panels.rate].map(([bottom, top]) => ({
      type: "rect",
      layer: "below",
      xref: "x",
      yref: "paper",
      x0: Math.min(reached, end),
      x1: end,
      y0: bottom,
      y1: top,
      line: { width: 0 },
      fillcolor: this.colours.coming,
    }));
  }

  baselines(panels) {
    return [panels.accuracy, panels.loss, panels.rate].map(([bottom]) => ({
      type: "line",
      layer: "below",
      xref: "paper",
      yref: "paper",
      x0: 0,
      x1: 1,
      y0: bottom,
      y1: bottom,
      line: { color: this.colours.grid, width: 1 },
    }));
  }

  waitingNote(panels) {
    if (this.data.epochs.length > 0) return [];
    const [bottom, top] = panels.accuracy;
    return [{
      text: "waiting for the first epoch",
      xref: "paper",
      yref: "paper",
      x: 0,
      y: (bottom + top) / 2,
      xanchor: "left",
      yanchor: "bottom",
      xshift: 8,
      showarrow: false,
      font: { size: 12, color: this.colours.quiet },
    }];
  }

  fineTuningLine(panels) {
    const start = this.data.fine_tuning_from;
    if (start === null) return [];
    return [{
      type: "line",
      xref: "x",
      yref: "paper",
      x0: start,
      x1: start,
      y0: 0,
      y1: 1 + (MARGIN.t + FINE_TUNING_ROW_PX / 2) / panels.height,
      line: { color: this.colours.quiet, width: 1.5, dash: "5px,4px" },
    }];
  }

  fineTuningLabel(panels) {
    const { fine_tuning_from: start, x_range: [first, end] } = this.data;
    if (start === null) return [];
    const isLate = (start - first) / (end - first) > 0.5;
    return [{
      text: "fine-tuning starts here",
      xref: "x",
      yref: "paper",
      x: start,
      y: 1 + MARGIN.t / panels.height,
      xanchor: isLate ? "right" : "left",
      yanchor: "bottom",
      xshift: isLate ? -4 : 4,
      yshift: -4,
      showarrow: false,
      font: { size: 12, color: this.colours.text },
    }];
  }

  // --- zoom ---

  onZoomed() {
    const [start, end] = this.plot.layout.xaxis.range;
    const [first, last] = this.data.x_range;
    this.box.classList.toggle("bluetit-live-zoomed", start > first || end < last);
    this.drawSoon(); // with other ticks
  }

  showAll() {
    this.zoomRevision += 1;
    this.box.classList.remove("bluetit-live-zoomed");
    this.draw();
  }

  destroy() {
    this.isAlive = false;
    this.watch.end();
    this.resizing.disconnect();
    cancelAnimationFrame(this.frame);
    if (this.isDrawn) this.plotly.purge(this.plot);
  }
}

// The axis of the learning rate names the rates that were really used: the highest and the lowest.
function rateTicks(rates) {
  const known = rates.filter((rate) => rate !== null);
  if (known.length === 0) return { range: [-5, -2], tickvals: [] };
  const [low, high] = [Math.min(...known), Math.max(...known)].map(Math.log10);
  const decades = Math.max(MIN_RATE_DECADES, (high - low) * 1.4);
  const middle = (low + high) / 2;
  const named = high - low > decades * 0.4 ? [10 ** low, 10 ** high] : [10 ** high];
  return { range: [middle - decades / 2, middle + decades / 2], tickvals: named, ticktext: named.map(plainNumber) };
}

// 0.0003 and not 3e-4, as long as the zeros can be counted.
function plainNumber(value) {
  return value >= 1e-5 ? value.toLocaleString("en", { maximumSignificantDigits: 2 }) : value.toExponential(0);
}

function themeColours(element) {
  const read = themeOf(element);
  const listed = listedColours(read);
  const lines = PLAIN_COLOURS.map((plain, number) => listed[number] || plain);
  const text = read("text-color");
  return {
    text,
    quiet: withAlpha(text, 0.68),
    coming: withAlpha(text, 0.05),
    grid: read("border-color"),
    background: read("background-color"),
    font: read("font"),
    validation: lines[0],
    training: lines[3],
  };
}

let painter = null;

// Plotly knows plain CSS colours, but not color-mix().
function withAlpha(colour, alpha) {
  painter ??= document.createElement("canvas").getContext("2d");
  painter.fillStyle = "#000000";
  painter.fillStyle = colour;
  const opaque = painter.fillStyle; // as #rrggbb, unless the colour lets something through already
  return opaque.startsWith("#") ? opaque + Math.round(alpha * 255).toString(16).padStart(2, "0") : opaque;
}

export default function render(component) {
  return mount(component, LiveChart);
}
