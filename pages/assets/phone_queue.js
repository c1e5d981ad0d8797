// Photos on their way from the phone to the class: kept until the server has said that they are there, sent one after
// the other, tried again when the Wi-Fi is gone.

const PHOTO_STATES = { waiting: "waiting", arrived: "arrived", refused: "refused" };

class PhotoQueue {
  static maxWaiting = 300; // about 60 MB of the phone's memory
  static timeoutMilliseconds = 30_000;
  static firstPauseMilliseconds = 1000;
  static longestPauseMilliseconds = 15_000;

  // `onChange` is called after each change, `onEnd` with a sentence once the link is over.
  constructor({ url, token, onChange, onEnd }) {
    this.url = url;
    this.token = token;
    this.onChange = onChange;
    this.onEnd = onEnd;
    this.photos = []; // of this visit, the oldest first
    this.numFailures = 0;
    this.isSending = false;
    this.isOver = false;
    this.wake = () => {};
    window.addEventListener("online", () => this.wake());
    document.addEventListener("visibilitychange", () => this.wake());
  }

  get waiting() {
    return this.photos.filter((photo) => photo.state === PHOTO_STATES.waiting);
  }

  get numArrived() {
    return this.photos.filter((photo) => photo.state === PHOTO_STATES.arrived).length;
  }

  get isFull() {
    return this.waiting.length >= PhotoQueue.maxWaiting;
  }

  // Whether the way to the server is broken just now.
  get isStuck() {
    return this.numFailures > 0 && this.waiting.length > 0;
  }

  // A photo is a JPEG with a small picture of it; `burst` is what photos that were taken in one go have in common.
  add({ blob, thumbnail, burst }) {
    const photo = { key: randomMark(), blob, thumbnail, burst, state: PHOTO_STATES.waiting, problem: "" };
    this.photos.push(photo);
    this.onChange();
    this.sendAll();
    return photo;
  }

  async sendAll() {
    if (this.isSending) return;
    this.isSending = true;
    while (!this.isOver && this.waiting.length > 0) {
      const [photo] = this.waiting;
      // oxlint-disable-next-line no-await-in-loop -- one after the other is the order in which they were taken
      await this.send(photo);
      this.onChange();
    }
    this.isSending = false;
  }

  async send(photo) {
    const headers = { "Content-Type": "image/jpeg", "X-Photo": photo.key };
    if (photo.burst) headers["X-Burst"] = photo.burst;
    const { status, sentence, seconds } = await this.ask("photos", { method: "POST", headers, body: photo.blob });
    if (photo.isRemoved) {
      await this.takeBack(photo); // it was taken back while it was on its way
    } else if (status === 200) {
      this.numFailures = 0;
      photo.state = PHOTO_STATES.arrived;
      photo.blob = null; // the server has it; its small picture is enough here
    } else if (status === 410) {
      this.end(sentence);
    } else if (status >= 400 && status < 500 && status !== 408 && status !== 429) {
      this.numFailures = 0;
      photo.state = PHOTO_STATES.refused;
      photo.problem = sentence;
      photo.blob = null;
    } else {
      this.numFailures += 1;
      this.onChange();
      await this.rest(seconds);
    }
  }

  // Takes a photo back, wherever it is; the sentence that says why that was not possible, or "".
  async remove(photo) {
    photo.isRemoved = true;
    if (photo.state !== PHOTO_STATES.arrived) {
      this.forget(photo);
      return "";
    }
    const { status, sentence } = await this.takeBack(photo);
    if (status === 200) {
      this.forget(photo);
      return "";
    }
    photo.isRemoved = false;
    if (status === 410) this.end(sentence);
    return sentence || "The server does not answer at present, so the photo is still there. Try again in a moment.";
  }

  takeBack({ key }) {
    return this.ask("photos/take-back", { method: "POST", headers: { "X-Photo": key } });
  }

  forget(photo) {
    this.photos = this.photos.filter((each) => each !== photo);
    URL.revokeObjectURL(photo.thumbnail);
    this.onChange();
  }

  end(sentence) {
    if (this.isOver) return;
    this.isOver = true;
    this.onEnd(sentence);
  }

  // What the server answers; status 0 where it does not.
  async ask(path, options = {}) {
    const request = new AbortController();
    const timer = setTimeout(() => request.abort(), PhotoQueue.timeoutMilliseconds);
    const headers = { ...options.headers, "X-Phone-Link": this.token };
    try {
      const response = await fetch(`${this.url}/${path}`, {
        ...options,
        headers,
        signal: request.signal,
        cache: "no-store",
        credentials: "omit",
      });
      const said = await response.json().catch(() => ({}));
      const seconds = Number(response.headers.get("Retry-After")) || 0;
      return { status: response.status, said, sentence: String(said.error ?? ""), seconds };
    } catch {
      return { status: 0, said: {}, sentence: "", seconds: 0 }; // no network, or no server
    } finally {
      clearTimeout(timer);
    }
  }

  // For a while, longer after each failure, or until the phone has a network again.
  rest(seconds) {
    const doubled = PhotoQueue.firstPauseMilliseconds * 2 ** (this.numFailures - 1);
    const pause = Math.max(1000 * seconds, Math.min(PhotoQueue.longestPauseMilliseconds, doubled));
    return new Promise((resolve) => {
      // Not all phones of a room at the same moment.
      const timer = setTimeout(resolve, pause * (0.75 + 0.5 * Math.random()));
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}

function randomMark() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
