// What Bluetit's components share; Python puts it in front of each one's own file.

// Streamlit calls a component's function again, on the same element, whenever its data or the theme changes, and
// cleans up only after the last call. So there is one instance per element, updated by every call.
const instances = new WeakMap();

function mount(component, Kind) {
  const element = component.parentElement;
  let instance = instances.get(element);
  if (!instance) {
    instance = new Kind(element);
    instances.set(element, instance);
  }
  const call = {};
  instance.lastCall = call;
  instance.update(component);
  return () => {
    // A call that the next one overtook is cleaned up late, when the instance serves that next one.
    if (instance.lastCall !== call) return;
    instances.delete(element);
    instance.destroy();
  };
}

// The chart library, fetched once by whichever component needs it first. Streamlit evaluates each component's script by
// itself, so what they share is kept on the page.
function loadPlotly(url) {
  if (window.Plotly) return Promise.resolve(window.Plotly);
  window.bluetitPlotly ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = () => resolve(window.Plotly);
    script.onerror = () => {
      window.bluetitPlotly = undefined; // the next update tries again
      script.remove();
      reject(new Error(`${url} cannot be loaded`));
    };
    document.head.append(script);
  });
  return window.bluetitPlotly;
}

// What is selected in each component on the page, by its key. When React rebuilds a component elsewhere on the page,
// Python still holds the selection: the new component takes it over from the old one, which may go before or after.
const rebuildMilliseconds = 2000;
const selections = new Map();

// Tells Python what is selected, a moment after the last change.
class SelectionReport {
  static delayMilliseconds = 150;

  constructor() {
    this.timer = null;
  }

  // To be called by every update of the component, whose functions change with it.
  connect({ data, setStateValue }) {
    this.key = data.key;
    this.generation = data.generation;
    this.setStateValue = setStateValue;
  }

  payload(ids) {
    return { generation: this.generation, ids: [...ids] };
  }

  sendSoon(ids) {
    this.keep(ids, Infinity);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.send(ids), SelectionReport.delayMilliseconds);
  }

  send(ids) {
    this.cancel();
    this.setStateValue("selected", this.payload(ids));
  }

  cancel() {
    clearTimeout(this.timer);
    this.timer = null;
  }

  get isPending() {
    return this.timer !== null;
  }

  // The ids that the component with this key has had selected until a moment ago.
  takeOver() {
    const known = selections.get(this.key);
    const isFresh = known && known.generation === this.generation && performance.now() < known.until;
    return isFresh ? known.ids : [];
  }

  // To be called when the component is taken down.
  end(ids) {
    this.cancel();
    const known = selections.get(this.key);
    if (!known || known.owner === this) this.keep(ids, performance.now() + rebuildMilliseconds);
  }

  keep(ids, until) {
    selections.set(this.key, { ...this.payload(ids), until, owner: this });
  }
}
