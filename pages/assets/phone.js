// The page of a phone that sends photos into a class: camera, shutter, what has been sent.

const MAX_SIDE_PX = 1024; // larger photos are made so small on the server anyway
const THUMBNAIL_SIDE_PX = 128;
const JPEG_QUALITY = 0.9;
const PHOTOS_PER_SECOND = 5;
const MAX_BURST = 100;
const HOLD_MILLISECONDS = 300; // pressed for longer, the shutter takes many
const LOOK_MILLISECONDS = 2000; // from one look whether the link is living, and the class paused, to the next

const CELL_NAMES = {
  waiting: "On its way",
  arrived: "It has arrived in the class",
  refused: "It was not taken",
};
const CELL_MARKS = { waiting: "…", arrived: "✓", refused: "!" };

class PhonePage {
  constructor() {
    this.find = (selector) => document.querySelector(selector);
    this.video = this.find("video");
    this.facingMode = "environment";
    this.stream = null;
    this.press = null; // while the shutter is held
    this.chosen = null; // the photo that was tapped
    this.cells = new Map(); // of the strip, by photo
    this.canLend = window.isSecureContext && Boolean(navigator.mediaDevices?.getUserMedia);
    // Behind the "#", which browsers send to nobody.
    this.queue = new PhotoQueue({
      url: new URL("phone", location.href).pathname,
      token: location.hash.slice(1),
      onChange: () => this.draw(),
      onEnd: (sentence) => this.end(sentence),
    });
    this.listen();
  }

  listen() {
    const on = (selector, kind, listener) => this.find(selector).addEventListener(kind, listener);
    on(".start", "click", () => this.start());
    on(".again", "click", () => this.offer());
    on(".done", "click", () => this.finish());
    on(".flip", "click", () => this.flip());
    on(".remove", "click", () => this.removeChosen());
    on(".keep", "click", () => this.choose(null));
    for (const selector of [".shoot", ".choose"]) on(selector, "change", (event) => this.takeFiles(event.target));
    this.listenToShutter(this.find(".shutter"));
    on(".paused", "cancel", (event) => event.preventDefault());
    on(".paused", "close", () => this.isPaused && this.find(".paused").showModal());
    window.addEventListener("hashchange", () => location.reload()); // another code was scanned
    window.addEventListener("beforeunload", (event) => {
      if (this.queue.waiting.length > 0 && !this.queue.isOver) event.preventDefault();
    });
    document.addEventListener("visibilitychange", () => {
      if (document.hidden) this.release();
      else this.look();
    });
    setInterval(() => { if (!document.hidden) this.look(); }, LOOK_MILLISECONDS);
  }

  listenToShutter(button) {
    let isExpected = false; // a click that a finger or a key has announced
    button.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      button.setPointerCapture(event.pointerId); // letting go anywhere ends the burst
      isExpected = true;
      this.hold();
    });
    for (const kind of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) {
      button.addEventListener(kind, () => this.release());
    }
    button.addEventListener("keydown", (event) => {
      if (event.key !== " " && event.key !== "Enter") return;
      event.preventDefault();
      if (!event.repeat) this.hold();
    });
    button.addEventListener("keyup", (event) => {
      if (event.key === " " || event.key === "Enter") this.release();
    });
    button.addEventListener("contextmenu", (event) => event.preventDefault()); // a long touch opens one
    button.addEventListener("click", () => {
      // Assistive technology sends a click alone.
      if (!isExpected) {
        this.hold();
        this.release();
      }
      isExpected = false;
    });
  }

  // --- the link ---

  async open() {
    const { status, said, sentence } = await this.queue.ask("link");
    if (status === 200) {
      this.isOpen = true;
      document.title = `${said.class} · Bluetit`;
      this.offer();
      this.hear(said);
    } else if (status === 410) {
      this.queue.end(sentence);
    } else {
      this.cover(sentence || "The server does not answer. Is this phone in the right Wi-Fi? It is tried again by itself.");
      setTimeout(() => this.open(), 3000);
    }
  }

  // Whether the link is living still; a server that does not answer is told of when photos wait for it.
  async look() {
    if (this.queue.isOver || !this.isOpen) return;
    const { status, said, sentence } = await this.queue.ask("link");
    if (status === 410) this.queue.end(sentence);
    if (status === 200) this.hear(said);
  }

  hear({ class: name, paused }) {
    setLine(this.find(".label"), name);
    this.holdUp(paused);
  }

  // "Eyes to me": what is taken is sent all the same, but nothing can be pressed. A modal dialog is above everything.
  holdUp(sentence) {
    const dialog = this.find(".paused");
    this.isPaused = Boolean(sentence);
    if (this.isPaused) {
      this.release();
      setLine(this.find(".paused-text"), sentence);
      if (!dialog.open) dialog.showModal();
    } else if (dialog.open) {
      dialog.close();
    }
  }

  end(sentence) {
    this.holdUp(null);
    this.stop();
    this.setState("over");
    const numLost = this.queue.waiting.length;
    const lost = numLost > 0 ? ` ${countPhotos(numLost)} of this phone ${numLost === 1 ? "was" : "were"} not sent.` : "";
    this.cover(sentence + lost);
    this.draw();
  }

  // --- what is on the screen ---

  setState(state) {
    document.body.dataset.state = state; // opening, off, starting, on, recording, done, over
    const isOn = state === "on" || state === "recording";
    const isOff = state === "off" || state === "starting";
    this.find(".controls").hidden = !isOn || this.chosen !== null;
    this.find(".start").hidden = !(isOff && this.canLend);
    this.find(".start").disabled = state === "starting";
    this.find(".start").textContent = state === "starting" ? "Waiting for the camera …" : "Start camera";
    this.find(".pickers").hidden = !(isOff && (!this.canLend || this.isRefused));
    this.find(".again").hidden = state !== "done";
    this.find(".counter").hidden = state !== "recording";
  }

  cover(sentence) {
    this.find(".cover-text").textContent = sentence;
  }

  complain(sentence) {
    this.find(".problem").textContent = sentence;
    this.find(".problem").hidden = !sentence;
  }

  // What to begin with: the page's own camera, or that of the phone where browsers lend none.
  offer() {
    this.cover(
      this.canLend
        ? "Photos go straight into the class, and to nobody else."
        : "Without https this page cannot show the camera. Take photos with the phone's own; they are sent at once.",
    );
    this.setState("off");
    this.draw();
  }

  draw() {
    const { photos, waiting, numArrived, isStuck, isOver } = this.queue;
    const status = this.find(".status");
    status.dataset.tone = photos.length > 0 && waiting.length === 0 ? "good" : "";
    if (isOver || photos.length === 0) setLine(status, numArrived > 0 ? `${countPhotos(numArrived)} arrived` : "");
    else if (isStuck) setLine(status, `${waiting.length} waiting: the server does not answer, it is tried again`);
    else if (waiting.length > 0) setLine(status, `${numArrived} arrived, ${waiting.length} waiting`);
    else setLine(status, numArrived === 1 ? "1 photo has arrived" : `All ${numArrived} photos have arrived`);
    setLine(this.find(".paused-status"), waiting.length > 0 ? `${countPhotos(waiting.length)} still on the way` : "");
    if (document.body.dataset.state === "done") {
      this.cover(
        waiting.length > 0
          ? "Keep this page open until all photos have arrived."
          : "Thank you. You can close this page now.",
      );
    }
    this.find(".done").hidden = isOver || numArrived === 0 || document.body.dataset.state === "done";
    this.drawStrip(photos);
    if (this.chosen && !photos.includes(this.chosen)) this.choose(null);
  }

  drawStrip(photos) {
    for (const [photo, cell] of this.cells) {
      if (photos.includes(photo)) continue;
      cell.remove();
      this.cells.delete(photo);
    }
    for (const photo of photos) {
      if (!this.cells.has(photo)) {
        this.cells.set(photo, this.newCell(photo));
        this.find(".strip").prepend(this.cells.get(photo)); // the newest first
      }
      const cell = this.cells.get(photo).firstElementChild;
      cell.dataset.state = photo.state;
      cell.setAttribute("aria-pressed", photo === this.chosen);
      cell.setAttribute("aria-label", CELL_NAMES[photo.state]);
      cell.querySelector(".mark").textContent = CELL_MARKS[photo.state];
    }
  }

  newCell(photo) {
    const item = document.createElement("li");
    const cell = document.createElement("button");
    cell.type = "button";
    const image = document.createElement("img");
    image.alt = "";
    image.src = photo.thumbnail;
    const mark = document.createElement("span");
    mark.className = "mark";
    cell.append(image, mark);
    cell.addEventListener("click", () => this.choose(photo === this.chosen ? null : photo));
    item.append(cell);
    return item;
  }

  choose(photo) {
    this.chosen = photo;
    this.complain("");
    this.find(".chosen").hidden = photo === null;
    if (photo) setLine(this.find(".chosen-text"), photo.problem || CELL_NAMES[photo.state]);
    this.find(".remove").disabled = this.queue.isOver;
    this.setState(document.body.dataset.state);
    this.drawStrip(this.queue.photos);
  }

  async removeChosen() {
    const photo = this.chosen;
    this.find(".remove").disabled = true;
    const sentence = await this.queue.remove(photo);
    if (this.chosen === photo) this.choose(null);
    this.complain(sentence);
  }

  finish() {
    this.stop();
    this.choose(null);
    this.setState("done");
    this.draw();
  }

  // --- the camera ---

  async start() {
    this.complain("");
    this.closeStream();
    this.setState("starting");
    const attempt = (this.attempt = {});
    try {
      const stream = await openCamera({ facingMode: this.facingMode });
      if (attempt !== this.attempt) {
        stopCamera(stream); // it came too late
        return;
      }
      this.stream = stream;
    } catch (error) {
      if (attempt === this.attempt) this.fail(error.message);
      return;
    }
    const [track] = this.stream.getVideoTracks();
    track.addEventListener("ended", () => { if (this.stream?.getVideoTracks()[0] === track) this.fail(CAMERA_GONE); });
    await showStream(this.video, this.stream);
    this.video.classList.toggle("is-mirrored", this.facingMode === "user");
    this.setState("on");
    this.find(".flip").hidden = (await listCameras()).length < 2;
  }

  flip() {
    this.facingMode = this.facingMode === "user" ? "environment" : "user";
    this.start();
  }

  fail(sentence) {
    this.stop();
    this.isRefused = true; // the phone's own camera app is offered besides
    this.setState("off");
    this.cover("The camera of this page cannot be used. The phone's own can.");
    this.complain(sentence);
  }

  stop() {
    this.release();
    this.closeStream();
  }

  closeStream() {
    this.attempt = null;
    if (this.stream) stopCamera(this.stream);
    this.stream = null;
    this.video.srcObject = null;
  }

  // --- photos ---

  // The first photo is taken at once; whether it is alone shows when the finger lets go.
  hold() {
    if (document.body.dataset.state !== "on" || this.press || this.isPaused) return;
    if (this.queue.isFull) {
      this.complain(`${countPhotos(this.queue.waiting.length)} wait to be sent. Take more when these have arrived.`);
      return;
    }
    this.complain("");
    const press = { burst: null, first: this.takeFrame(), numTaken: 1, timer: null };
    this.press = press;
    press.timer = setTimeout(() => this.beginBurst(press), HOLD_MILLISECONDS);
  }

  beginBurst(press) {
    press.burst = randomMark();
    this.setState("recording");
    this.keep(press.first, press.burst);
    const take = () => {
      press.numTaken += 1;
      this.find(".number").textContent = `${press.numTaken}`;
      this.keep(this.takeFrame(), press.burst);
      if (press.numTaken >= MAX_BURST || this.queue.isFull) this.release();
    };
    this.find(".number").textContent = "1";
    press.timer = setInterval(take, 1000 / PHOTOS_PER_SECOND);
  }

  release() {
    const { press } = this;
    if (!press) return;
    this.press = null;
    clearTimeout(press.timer);
    clearInterval(press.timer);
    if (!press.burst) this.keep(press.first, null);
    if (document.body.dataset.state === "recording") this.setState("on");
  }

  async keep(taking, burst) {
    const taken = await taking;
    if (taken) this.queue.add({ ...taken, burst });
  }

  // What the preview shows: the middle of the camera's picture, in the shape of the preview.
  takeFrame() {
    const { videoWidth, videoHeight } = this.video;
    const preview = this.video.getBoundingClientRect();
    const ratio = preview.width / preview.height;
    const width = Math.min(videoWidth, videoHeight * ratio);
    const height = Math.min(videoHeight, videoWidth / ratio);
    return shrunk(this.video, { left: (videoWidth - width) / 2, top: (videoHeight - height) / 2, width, height });
  }

  async takeFiles(input) {
    const files = [...input.files];
    input.value = ""; // the same photo may be chosen again
    this.complain("");
    for (const file of files) {
      try {
        // oxlint-disable-next-line no-await-in-loop -- one large photo in memory at a time
        await this.takeFile(file);
      } catch (error) {
        this.complain(error.message);
      }
    }
  }

  async takeFile(file) {
    if (this.queue.isFull) throw new Error("Too many photos wait to be sent. Choose more when these have arrived.");
    const image = new Image();
    image.src = URL.createObjectURL(file);
    try {
      await image.decode();
      const { naturalWidth: width, naturalHeight: height } = image;
      this.queue.add({ ...(await shrunk(image, { left: 0, top: 0, width, height })), burst: null });
    } catch (error) {
      throw new Error(`${file.name} is no photo that this phone can read. Choose another.`, { cause: error });
    } finally {
      URL.revokeObjectURL(image.src);
    }
  }
}

// A part of a picture as JPEG, small enough to be sent, with a small copy to show.
async function shrunk(source, { left, top, width, height }) {
  const draw = (maxSide) => {
    const scale = Math.min(1, maxSide / Math.max(width, height));
    const canvas = document.createElement("canvas");
    canvas.width = Math.max(1, Math.round(width * scale));
    canvas.height = Math.max(1, Math.round(height * scale));
    const pen = canvas.getContext("2d");
    pen.imageSmoothingQuality = "high";
    pen.drawImage(source, left, top, width, height, 0, 0, canvas.width, canvas.height);
    return new Promise((resolve) => { canvas.toBlob(resolve, "image/jpeg", JPEG_QUALITY); });
  };
  const [blob, thumbnail] = await Promise.all([draw(MAX_SIDE_PX), draw(THUMBNAIL_SIDE_PX)]);
  return blob && thumbnail ? { blob, thumbnail: URL.createObjectURL(thumbnail) } : null;
}

function countPhotos(number) {
  return number === 1 ? "1 photo" : `${number} photos`;
}

// Leaves what says so already alone: a screen reader would read it again.
function setLine(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

const page = new PhonePage();
page.open();
