// What a person has decided about photos, and its way to the server. A decision counts at once on the page; the server is
// told of several together, a moment after the last, so that nobody waits for it.

const SEND_MILLISECONDS = 1200;
const SEND_AT_DECISIONS = 25;
const RETRY_MILLISECONDS = 3000;
const MAX_KEEPALIVE_CHARS = 60_000; // browsers let no more outlive their page
const NO_SERVER = "The server does not answer. What you have decided is kept here and sent again by itself.";

class DecisionLog {
  constructor(url, split) {
    this.url = url;
    this.split = split;
    this.decisions = []; // in order, those that were taken back left out
    this.takingBack = []; // that the server knows of
    this.timer = null;
    this.sending = null;
    this.onTrouble = () => {};
    this.onRefused = () => {};
  }

  idsOf(isWanted) {
    return this.decisions.filter((decision) => decision.isWanted === isWanted).flatMap(({ ids }) => ids);
  }

  get size() {
    return this.decisions.length;
  }

  // Photos that are put into classes: `classOf` has the class of each; without it nothing is changed.
  add(ids, classOf = null) {
    const decision = { ids, classOf, isWanted: classOf !== null, state: classOf ? "waiting" : "noted", operation: null };
    this.decisions.push(decision);
    if (classOf) this.sendSoon();
    return decision;
  }

  // The latest decision, which counts no more.
  takeBack() {
    const decision = this.decisions.pop();
    if (!decision) return null;
    decision.isTakenBack = true;
    if (decision.state === "sent") this.takingBack.push(decision);
    this.sendSoon();
    return decision;
  }

  sendSoon() {
    clearTimeout(this.timer);
    const numWaiting = this.decisions.filter(({ state }) => state === "waiting").length;
    if (numWaiting >= SEND_AT_DECISIONS) this.send();
    else this.timer = setTimeout(() => this.send(), SEND_MILLISECONDS);
  }

  send({ isLast = false } = {}) {
    clearTimeout(this.timer);
    this.sending ??= this.sendAll(isLast).finally(() => { this.sending = null; });
    return this.sending;
  }

  async sendAll(isLast) {
    const moving = this.decisions.filter(({ state }) => state === "waiting");
    const [back] = this.takingBack;
    if (moving.length === 0 && !back) return;
    if (moving.length > 0) await this.sendMoves(moving, isLast);
    else await this.sendBack(back, isLast);
    await this.sendAll(isLast);
  }

  async sendMoves(moving, isLast) {
    const moves = moving.flatMap(({ ids, classOf }) => ids.map((id) => [id, classOf[id]]));
    moving.forEach((decision) => { decision.state = "sending"; });
    try {
      const { operation } = await this.post("moves", { moves, split: this.split }, isLast);
      moving.forEach((decision) => Object.assign(decision, { state: "sent", operation }));
      this.takingBack.push(...moving.filter(({ isTakenBack }) => isTakenBack));
    } catch (error) {
      // Those that were taken back meanwhile are none of `decisions` any more, and need not be sent.
      moving.forEach((decision) => { decision.state = error.isFinal ? "refused" : "waiting"; });
      if (!error.isFinal) return this.rest();
      this.decisions = this.decisions.filter(({ state }) => state !== "refused");
      this.onRefused(moving, error.message);
    }
  }

  async sendBack(decision, isLast) {
    try {
      await this.post("take-back", { operation: decision.operation, image_ids: decision.ids }, isLast);
      this.takingBack.shift();
    } catch (error) {
      if (!error.isFinal) return this.rest();
      this.takingBack.shift();
      this.onRefused([], error.message);
    }
  }

  async post(path, payload, isLast) {
    const body = JSON.stringify(payload);
    const keepalive = isLast && body.length < MAX_KEEPALIVE_CHARS;
    const told = await askServer(`${this.url}/${path}`, { method: "POST", body, keepalive });
    this.onTrouble("");
    return told;
  }

  rest() {
    this.onTrouble(NO_SERVER);
    return new Promise((resolve) => { setTimeout(resolve, RETRY_MILLISECONDS); });
  }
}

// What a route answers; an error is final where asking again would change nothing.
async function askServer(url, options = {}) {
  let response;
  try {
    response = await fetch(url, { cache: "no-store", ...options });
  } catch {
    throw Object.assign(new Error(NO_SERVER), { isFinal: false });
  }
  if (response.ok) return response.json();
  const { sentence } = await refusalIn(response);
  const isFinal = response.status < 500 && response.status !== 429;
  throw Object.assign(new Error(sentence || NO_SERVER), { isFinal });
}
