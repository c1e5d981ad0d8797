// Accuracy against the value of a setting, each with its interval; the best stands out.
const MARGIN = { l: 48, r: 18, t: 26, b: 44 };
const MAX_NAMED_TICKS = 12; // more would lie over each other on a phone
const PERCENT_STEPS = [0.5, 1, 2, 5, 10, 20, 25];
const MAX_PERCENT_TICKS = 6;
const POINT_PX = 9;
const BEST_POINT_PX = 13;

class SweepChart {
  constructor(root) {
    this.box = root.querySelector(".bluetit-sweep");
    this.plot = this.box.querySelector(".bluetit-sweep-plot");
    this.message = this.box.querySelector(".bluetit-sweep-message");
    this.watch = new Watch(this);
    this.isAlive = true;
    this.resizing = new ResizeObserver(() => this.draw());
    this.resizing.observe(this.plot);
  }

  update({ data }) {
    this.settings = data;
    this.watch.connect(data);
    this.show(this.told); // in the colours of the theme, which may have changed
  }

  async show(told) {
    this.told = told;
    this.box.setAttribute("aria-label", told.summary);
    const hasPoint = told.points.accuracy.some((value) => value !== null);
    this.message.textContent = hasPoint ? "" : "waiting for the first of them";
    this.message.hidden = hasPoint;
    try {
      this.plotly = await loadPlotly(this.settings.plotly_url);
    } catch {
      this.message.textContent = CHART_NOT_LOADED;
      this.message.hidden = false;
      return;
    }
    this.draw();
  }

  draw() {
    if (!this.isAlive || !this.plotly || !this.told || this.plot.clientWidth === 0) return;
    this.plotly.react(this.plot, this.traces(), this.layout(), CHART_CONFIG);
  }

  traces() {
    const { points } = this.told;
    const colours = this.colours();
    const arrived = points.x.map((_, number) => number).filter((number) => points.accuracy[number] !== null);
    const of = (values) => arrived.map((number) => values[number]);
    const isBest = of(points.is_best);
    const accuracy = of(points.accuracy);
    const texts = arrived.map((number) => {
      const [low, high] = [points.low[number], points.high[number]].map(Math.round);
      return `${points.labels[number]}: <b>${points.accuracy[number].toFixed(1)} %</b>, plausibly ${low} to ${high} %`;
    });
    return [{
      type: "scatter",
      mode: "lines+markers",
      x: of(points.x),
      y: accuracy,
      hovertext: texts,
      hovertemplate: "%{hovertext}<extra></extra>",
      cliponaxis: false,
      line: { color: colours.quiet, width: 1.5, dash: "dot" },
      marker: {
        color: isBest.map((best) => (best ? colours.best : colours.plain)),
        size: isBest.map((best) => (best ? BEST_POINT_PX : POINT_PX)),
        opacity: 1,
        line: { color: colours.background, width: 1.5 },
      },
      error_y: {
        type: "data",
        symmetric: false,
        array: arrived.map((number) => points.high[number] - points.accuracy[number]),
        arrayminus: arrived.map((number) => points.accuracy[number] - points.low[number]),
        color: colours.quiet,
        thickness: 1.5,
        width: 4,
      },
    }];
  }

  layout() {
    const { points } = this.told;
    const colours = this.colours();
    const axis = axisLook(colours);
    const places = points.is_log ? points.x.map(Math.log10) : points.x;
    const [first, last] = [Math.min(...places), Math.max(...places)];
    const room = (last - first || 1) * 0.07;
    const percents = percentTicks(points.range);
    const isNamed = points.x.length <= MAX_NAMED_TICKS;
    return {
      ...figureLook(colours),
      width: this.plot.clientWidth,
      height: this.plot.clientHeight,
      margin: MARGIN,
      dragmode: false,
      hovermode: "closest",
      paper_bgcolor: "rgba(0,0,0,0)",
      xaxis: {
        ...axis,
        type: points.is_log ? "log" : "linear",
        range: [first - room, last + room],
        showgrid: false,
        title: { text: points.title, standoff: 6, font: { size: 12 } },
        ...(isNamed ? { tickvals: points.x, ticktext: points.labels, tickangle: 0 } : { nticks: 6 }),
      },
      yaxis: { ...axis, range: points.range, tickvals: percents, ticktext: percents.map((each) => `${each} %`) },
      annotations: [...this.bestLabels(places, colours), panelTitle("Validation accuracy", 1, 4, colours)],
    };
  }

  // Above its interval, where it covers nothing.
  bestLabels(places, colours) {
    const { points } = this.told;
    const best = points.x.map((_, number) => number).filter((number) => points.is_best[number]);
    return best.map((number) => ({
      text: "best",
      x: places[number],
      y: points.high[number],
      yanchor: "bottom",
      yshift: 2,
      showarrow: false,
      font: labelFont(colours),
    }));
  }

  colours() {
    const read = themeOf(this.box);
    const text = read("text-color");
    return {
      text,
      quiet: read("gray-text-color") || text,
      plain: read("blue-color") || "#2f7fd0",
      best: read("primary-color"),
      grid: read("border-color"),
      background: read("background-color"),
      font: read("font"),
    };
  }

  destroy() {
    this.isAlive = false;
    this.resizing.disconnect();
    this.watch.end();
    this.plotly?.purge(this.plot);
  }
}

// Round shares up to 100, however far the axis goes beyond.
function percentTicks([low, high]) {
  const step = PERCENT_STEPS.find((each) => (high - low) / each <= MAX_PERCENT_TICKS) ?? PERCENT_STEPS.at(-1);
  const first = Math.ceil(low / step) * step;
  const count = Math.floor((Math.min(high, 100) - first) / step) + 1;
  return Array.from({ length: Math.max(0, count) }, (_, number) => first + number * step);
}

export default function render(component) {
  return mount(component, SweepChart);
}
