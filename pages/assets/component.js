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
  instance.outbox = outboxOf(component.data.key);
  instance.outbox.connect(component, instance);
  instance.update(component);
  return () => {
    // A call that the next one overtook is cleaned up late, when the instance serves that next one.
    if (instance.lastCall !== call) return;
    instances.delete(element);
    instance.destroy();
    instance.outbox.disconnect(instance);
  };
}

// What each component on the page has to tell Python, by its key; kept when React rebuilds the component.
const outboxes = new Map();

function outboxOf(key) {
  if (!outboxes.has(key)) outboxes.set(key, new Outbox());
  return outboxes.get(key);
}

// Events on their way to Python, each of which is to arrive once, in order. Streamlit forgets one that another request
// overtakes, so an event is kept until Python has acknowledged its number, and sent again when the page has come to rest
// without that: while the page is being made, another request would only hold it up.
class Outbox {
  static firstPatienceMilliseconds = 1500;
  static longestPatienceMilliseconds = 15_000;
  static checkMilliseconds = 250;
  static maxMessageChars = 20_500_000; // Streamlit refuses a message of more than 25 MB
  static maxWaitingChars = 80_000_000;

  constructor() {
    this.sender = randomId();
    this.lastNumber = 0;
    this.waiting = []; // not acknowledged, the oldest first
    this.numSent = 0; // of those that wait, how many are under way
    this.numDeliveries = 0; // of these
    this.timer = null;
    this.owner = null;
  }

  // To be called by every update of the component, whose functions change with it.
  connect({ data, setTriggerValue }, owner) {
    this.owner = owner;
    this.setTriggerValue = setTriggerValue;
    this.acknowledge(data.acknowledged?.[this.sender] ?? 0);
    if (this.isWaiting && this.numSent === 0) this.deliver();
  }

  get isWaiting() {
    return this.waiting.length > 0;
  }

  disconnect(owner) {
    if (this.owner !== owner) return; // the component was rebuilt elsewhere before this one went
    this.owner = null;
    clearTimeout(this.timer);
    this.numSent = 0;
  }

  // Tell Python; false where so much waits already that no more is kept.
  send(name, payload, { onSent = () => {}, onTaken = () => {}, onDelay = () => {} } = {}) {
    const numChars = JSON.stringify(payload).length;
    const numWaitingChars = this.waiting.reduce((sum, event) => sum + event.numChars, 0);
    if (numWaitingChars + numChars > Outbox.maxWaitingChars) return false;
    this.lastNumber += 1;
    this.waiting.push({ number: this.lastNumber, name, payload, numChars, onSent, onTaken, onDelay });
    // What is under way first: another request at the same time would break off the run that takes it.
    if (this.owner && this.numSent === 0) this.deliver();
    return true;
  }

  deliver() {
    let room = Outbox.maxMessageChars;
    this.numSent = 0;
    for (const event of this.waiting) {
      room -= event.numChars;
      if (room < 0 && this.numSent > 0) break;
      this.numSent += 1;
    }
    const events = this.waiting.slice(0, this.numSent);
    this.numDeliveries += 1;
    this.sentAt = performance.now();
    this.patience = Math.min(
      Outbox.longestPatienceMilliseconds,
      Outbox.firstPatienceMilliseconds * 2 ** (this.numDeliveries - 1),
    );
    events.forEach((event) => (this.numDeliveries > 2 ? event.onDelay() : event.onSent()));
    this.setTriggerValue("events", {
      sender: this.sender,
      events: events.map(({ number, name, payload }) => ({ number, name, payload })),
    });
    this.checkLater();
  }

  acknowledge(number) {
    const taken = this.waiting.filter((event) => event.number <= number);
    if (taken.length === 0) return;
    this.waiting.splice(0, taken.length);
    clearTimeout(this.timer);
    this.numSent = 0;
    this.numDeliveries = 0;
    taken.forEach((event) => event.onTaken());
  }

  checkLater() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.check(), Outbox.checkMilliseconds);
  }

  check() {
    const isLate = performance.now() - this.sentAt > this.patience;
    if (isLate && isPageAtRest()) this.deliver();
    else this.checkLater();
  }
}

// Streamlit says on its root whether the page is being made, and whether the server is there.
function isPageAtRest() {
  const app = document.querySelector("[data-test-script-state]")?.dataset;
  return !app || (app.testScriptState === "notRunning" && (app.testConnectionState ?? "CONNECTED") === "CONNECTED");
}

function randomId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

// A file's content as text.
function asBase64(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => resolve(reader.result.slice(reader.result.indexOf(",") + 1)));
    reader.addEventListener("error", () => reject(reader.error));
    reader.readAsDataURL(file);
  });
}

// The chart library, fetched once by whichever component needs it first. Streamlit evaluates each component's script by
// itself, so what they share is kept on the page.
function loadPlotly(url) {
  if (window.Plotly) return Promise.resolve(window.Plotly);
  window.bluetitPlotly ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.addEventListener("load", () => resolve(window.Plotly));
    script.addEventListener("error", () => {
      window.bluetitPlotly = undefined; // the next update tries again
      script.remove();
      reject(new Error(`${url} cannot be loaded`));
    });
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
