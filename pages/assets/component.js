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

// Leaves what says so already alone: a screen reader would read it again, and what is selected in it would be lost.
function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
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

// --- what changes by itself ---

// Keeps a component up to date with what the server tells, if its data name a `feed`; the component draws in `show`, and
// may say in `showTrouble` why nothing comes. One that `reports` has the page made anew when the state has changed.
class Watch {
  static longestPageMilliseconds = 5000;

  constructor(owner, { reports = false } = {}) {
    this.owner = owner;
    this.reports = reports;
    this.feed = null;
    this.askedAt = null; // when the page was asked for that is not there yet
    this.later = 0;
  }

  // To be called by every update of the component; draws what Python tells, where that is new.
  connect({ feed: { url, tag }, told }) {
    const isNew = tag !== this.tag || url !== this.url;
    if (!isNew) return; // the page was made again with nothing new for this component, which may know more already
    this.tag = tag;
    this.state = told.state;
    this.reported = null;
    this.askedAt = null;
    clearTimeout(this.later);
    if (url !== this.url) {
      this.feed?.leave(this);
      this.url = url;
      this.feed = url ? feedOf(url) : null;
    }
    this.owner.show(told);
    this.owner.showTrouble?.("");
    this.feed?.join(this, tag);
  }

  report(state) {
    if (state === this.state || state === this.reported) return;
    this.reported = state;
    clearTimeout(this.later);
    // One after the other: a page that takes longer than the next change to come would be begun anew without end.
    const wait = this.askedAt === null ? 0 : this.askedAt + Watch.longestPageMilliseconds - performance.now();
    if (wait <= 0) this.ask(state);
    else this.later = setTimeout(() => this.ask(state), wait);
  }

  ask(state) {
    this.askedAt = performance.now();
    this.owner.outbox.send("changed", state);
  }

  end() {
    clearTimeout(this.later);
    this.feed?.leave(this);
    this.feed = null;
    this.url = null;
  }
}

// Streamlit evaluates each component's script by itself: what they share is kept on the page. Components that show the
// same share one request, for browsers open few to a server at a time.
function feedOf(url) {
  window.bluetitFeeds ??= new Map();
  if (!window.bluetitFeeds.has(url)) window.bluetitFeeds.set(url, new Feed(url));
  return window.bluetitFeeds.get(url);
}

// Asks the server again and again for what is new; it answers when something is, or after ten seconds that nothing was.
class Feed {
  static timeoutMilliseconds = 20_000; // longer than the server ever waits: the connection is dead
  static firstPauseMilliseconds = 1000;
  static longestPauseMilliseconds = 15_000;
  static silentFailures = 2; // a server that restarts, or a network that changes, is nothing to tell of

  constructor(url) {
    this.url = url;
    this.watches = new Set();
    this.since = null;
    this.request = null;
    this.isAsking = false;
    this.numFailures = 0;
    this.wake = () => {};
    this.listening = new AbortController();
    const { signal } = this.listening;
    // Nobody looks at a hidden tab; a device that was asleep shows its tabs when it wakes.
    document.addEventListener("visibilitychange", () => this.restart(), { signal });
    window.addEventListener("pageshow", () => this.restart(), { signal });
    window.addEventListener("online", () => this.restart(), { signal });
  }

  // Python knows what the tag stands for: what is new since then is to be told.
  join(watch, tag) {
    this.watches.add(watch);
    if (tag !== this.since) {
      this.since = tag;
      this.restart();
    }
    this.keepAsking();
  }

  leave(watch) {
    this.watches.delete(watch);
    if (this.watches.size > 0) return;
    window.bluetitFeeds.delete(this.url);
    this.listening.abort();
    this.restart();
  }

  // Gives up what is under way and begins anew, at once.
  restart() {
    this.request?.abort(new DOMException("begun anew", "AbortError"));
    this.wake();
  }

  keepAsking() {
    if (this.isAsking || this.watches.size === 0) return;
    this.isAsking = true;
    const step = document.hidden ? this.rest() : this.ask();
    step.finally(() => {
      this.isAsking = false;
      this.keepAsking();
    });
  }

  async ask() {
    const request = new AbortController();
    const timer = setTimeout(() => request.abort(new Error("no answer")), Feed.timeoutMilliseconds);
    this.request = request;
    let told = null;
    try {
      told = await this.fetchNews(request.signal);
    } catch (error) {
      if (error.name !== "AbortError") await this.fail(error);
      return;
    } finally {
      clearTimeout(timer);
      this.request = null;
    }
    this.recover();
    if (told) this.passOn(told);
  }

  // What is new; null where nothing is.
  async fetchNews(signal) {
    const response = await fetch(`${this.url}?since=${this.since}`, { signal, cache: "no-store" });
    if (response.status === 304) return null;
    if (!response.ok) throw await refusalIn(response);
    return response.json();
  }

  passOn(told) {
    this.since = told.tag;
    this.watches.forEach((watch) => watch.owner.show(told));
    this.report(told.state);
  }

  // One is enough: the page that is made anew is the same for all.
  report(state) {
    [...this.watches].find((watch) => watch.reports)?.report(state);
  }

  recover() {
    if (this.numFailures > 0) this.watches.forEach((watch) => watch.owner.showTrouble?.(""));
    this.numFailures = 0;
  }

  async fail({ status = 0, sentence = "", seconds = 0 }) {
    this.numFailures += 1;
    if (status === 404) this.report("gone"); // the page says what has become of it
    if (status === 403) this.watches.forEach((watch) => watch.owner.leave?.());
    if (status === 403 || this.numFailures > Feed.silentFailures) {
      const unknown = "The server does not answer, so this may be out of date. It is asked again by itself.";
      this.watches.forEach((watch) => watch.owner.showTrouble?.(sentence || unknown));
    }
    const pause = Math.min(Feed.longestPauseMilliseconds, Feed.firstPauseMilliseconds * 2 ** (this.numFailures - 1));
    // Not all tablets of a room at the same moment.
    await this.rest(Math.max(pause, 1000 * seconds) * (0.75 + 0.5 * Math.random()));
  }

  // For a time, or until something wakes it.
  rest(milliseconds = null) {
    return new Promise((resolve) => {
      const timer = milliseconds === null ? null : setTimeout(resolve, milliseconds);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

// Why a route gave no answer: its sentence, where it has one, and when to ask again.
async function refusalIn(response) {
  const sentence = await response.json().then(({ error }) => String(error ?? ""), () => "");
  return { status: response.status, sentence, seconds: Number(response.headers.get("Retry-After")) || 0 };
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
