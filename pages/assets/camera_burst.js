// Preview and photos have the camera's shape within these bounds, upright or lying; wider pictures are cropped.
const NARROWEST = 3 / 4;
const WIDEST = 4 / 3;

// A camera that ran when the person went on to another class runs there too, without another press.
const handoverMilliseconds = 2000;
let handover = null;

class Camera {
  constructor(root) {
    this.box = root.querySelector(".camera");
    this.video = root.querySelector("video");
    this.canvas = document.createElement("canvas");
    this.stream = null;
    this.recording = null;
    this.isDestroyed = false;
    this.listeners = new AbortController();
    this.listenToButtons();
    this.listenToHold(this.find(".hold"));
    this.listen(this.find("select"), "change", (event) => this.start({ deviceId: event.target.value }));
    this.listen(document, "visibilitychange", () => { if (document.hidden) this.endBurst(); });
    this.listen(window, "blur", () => this.endBurst());
    this.setState("off");
  }

  find(selector) {
    return this.box.querySelector(selector);
  }

  listen(target, kind, listener) {
    target.addEventListener(kind, listener, { signal: this.listeners.signal });
  }

  listenToButtons() {
    this.listen(this.find(".start"), "click", () => this.start());
    this.listen(this.find(".stop"), "click", () => this.stop());
    this.listen(this.find(".single"), "click", () => this.takeOne());
  }

  listenToHold(button) {
    let isExpected = false; // a click that a pointer or a key has announced
    const begin = (event) => {
      isExpected = true;
      event.preventDefault();
      button.focus();
      this.beginBurst();
    };
    this.listen(button, "pointerdown", (event) => {
      if (event.button !== 0) return;
      button.setPointerCapture(event.pointerId); // letting go anywhere ends the burst
      begin(event);
    });
    for (const kind of ["pointerup", "pointercancel", "lostpointercapture", "blur"]) {
      this.listen(button, kind, () => this.endBurst());
    }
    this.listen(button, "keydown", (event) => {
      if (event.key !== " " && event.key !== "Enter") return;
      if (event.repeat) event.preventDefault();
      else begin(event);
    });
    this.listen(button, "keyup", (event) => {
      if (event.key !== " " && event.key !== "Enter") return;
      event.preventDefault();
      isExpected = false;
      this.endBurst();
    });
    this.listen(button, "contextmenu", (event) => event.preventDefault()); // a long touch opens one
    this.listen(button, "click", () => {
      // Assistive technology sends a click alone: one starts the burst, the next ends it.
      if (!isExpected && this.recording) this.endBurst();
      else if (!isExpected) this.beginBurst();
      isExpected = false;
    });
  }

  update({ data }) {
    this.data = data;
    this.showLabel();
    if (handover && performance.now() < handover.until) this.start(handover.choice);
    handover = null;
  }

  showLabel() {
    this.find(".off-text").textContent = `The camera is off. Start it to photograph “${this.data.label}”.`;
  }

  setState(state) {
    this.box.dataset.state = state; // off, starting, on, recording
    this.find(".start").disabled = state === "starting";
    this.find(".hold-text").textContent = state === "recording" ? `Recording “${this.data.label}” …` : "Hold to record";
    this.find(".hold-hint").textContent =
      state === "recording" ? "let go to stop" : "with the mouse, a finger or the space bar";
    this.find(".start").textContent = state === "starting" ? "Waiting for the camera …" : "Start camera";
  }

  say(text) {
    this.find(".status").textContent = text;
  }

  complain(text) {
    const problem = this.find(".problem");
    problem.textContent = text;
    problem.hidden = !text;
  }

  // --- the camera ---

  async start(choice = {}) {
    const startButton = this.find(".start");
    const hadFocus = startButton.getRootNode().activeElement === startButton; // which it loses when disabled
    this.closeStream();
    this.complain("");
    this.setState("starting");
    const attempt = (this.attempt = {});
    let stream;
    try {
      stream = await openCamera(choice);
    } catch (error) {
      if (attempt === this.attempt) this.fail(error.message);
      return;
    }
    if (this.isDestroyed || attempt !== this.attempt) {
      stopCamera(stream); // it came too late
      return;
    }
    this.stream = stream;
    this.choice = choice;
    await this.show(stream, { takesFocus: hadFocus });
  }

  async show(stream, { takesFocus }) {
    const [track] = stream.getVideoTracks();
    this.listen(track, "ended", () => {
      if (this.stream !== stream) return;
      this.stop();
      this.complain(CAMERA_GONE);
    });
    await showStream(this.video, stream);
    if (this.stream !== stream) return;
    const ratio = this.video.videoWidth / this.video.videoHeight;
    this.find(".stage").style.setProperty("--ratio", Math.max(NARROWEST, Math.min(WIDEST, ratio)));
    this.video.classList.toggle("is-mirrored", isMirrored(track));
    this.setState("on");
    if (takesFocus) this.find(".hold").focus();
    await this.offerCameras(track);
  }

  async offerCameras(track) {
    const cameras = await listCameras();
    const select = this.find("select");
    select.replaceChildren(...cameras.map((camera, index) => new Option(cameraName(camera, index), camera.deviceId)));
    select.value = track.getSettings().deviceId ?? "";
    this.find(".which").hidden = cameras.length < 2;
  }

  fail(sentence) {
    this.setState("off");
    this.complain(sentence);
  }

  stop() {
    this.closeStream();
    this.setState("off");
  }

  closeStream() {
    this.attempt = null;
    if (!this.stream) return;
    this.endBurst();
    stopCamera(this.stream);
    this.stream = null;
    this.video.srcObject = null;
  }

  // --- photos ---

  // A JPEG of what the preview shows: the middle of the camera's picture, in the shape of the preview.
  takeFrame() {
    const { videoWidth, videoHeight } = this.video;
    const preview = this.video.getBoundingClientRect();
    const ratio = preview.width / preview.height;
    const width = Math.min(videoWidth, videoHeight * ratio);
    const height = Math.min(videoHeight, videoWidth / ratio);
    const scale = Math.min(1, this.data.max_side_px / Math.max(width, height));
    this.canvas.width = Math.round(width * scale);
    this.canvas.height = Math.round(height * scale);
    const left = (videoWidth - width) / 2;
    const top = (videoHeight - height) / 2;
    const pen = this.canvas.getContext("2d");
    pen.imageSmoothingQuality = "high";
    pen.drawImage(this.video, left, top, width, height, 0, 0, this.canvas.width, this.canvas.height);
    return new Promise((resolve) => { this.canvas.toBlob(resolve, "image/jpeg", this.data.quality); });
  }

  takeOne() {
    if (this.box.dataset.state !== "on") return;
    this.dispatch([this.takeFrame()], true);
  }

  beginBurst() {
    if (this.box.dataset.state !== "on") return;
    const recording = { frames: [], numChars: 0 };
    this.recording = recording;
    this.setState("recording");
    this.say("");
    const take = () => {
      const frame = this.takeFrame();
      frame.then((blob) => { recording.numChars += base64Length(blob); });
      recording.frames.push(frame);
      this.find(".number").textContent = `${recording.frames.length}`;
      const isFull = recording.frames.length >= this.data.max_frames || recording.numChars > this.data.max_chars;
      if (isFull) this.endBurst();
    };
    recording.timer = setInterval(take, 1000 / this.data.frames_per_second);
    take();
  }

  endBurst() {
    const { recording } = this;
    if (!recording) return;
    this.recording = null;
    clearInterval(recording.timer);
    this.setState("on");
    this.dispatch(recording.frames, false);
  }

  // --- on the way to Python ---

  async dispatch(promises, isSingle) {
    const { label, subject } = this.data;
    const blobs = [];
    let room = this.data.max_chars;
    for (const blob of await Promise.all(promises)) {
      room -= base64Length(blob);
      if (!blob || room < 0) break;
      blobs.push(blob);
    }
    if (blobs.length === 0) return;
    const frames = await Promise.all(blobs.map(asBase64));
    const photos = frames.length === 1 ? "1 photo" : `${frames.length} photos`;
    const isKept = this.outbox.send("burst", { subject, is_single: isSingle, frames }, {
      onSent: () => this.say(`Sending ${photos} …`),
      onDelay: () => {
        this.complain(`${photos} did not reach the server yet. Look at your connection; they are sent again by themselves.`);
      },
      onTaken: () => {
        this.complain("");
        this.say(`${photos} of “${label}” taken.`);
      },
    });
    if (!isKept) this.complain(`${photos} not kept: too many wait for the server. Take them again when it has answered.`);
  }

  destroy() {
    if (this.stream) handover = { choice: this.choice, until: performance.now() + handoverMilliseconds };
    this.isDestroyed = true;
    this.listeners.abort();
    this.closeStream();
  }
}

function cameraName(camera, index) {
  if (/back|rear|environment/iu.test(camera.label)) return `Back camera (${camera.label})`;
  if (/front|user|face/iu.test(camera.label)) return `Front camera (${camera.label})`;
  return camera.label || `Camera ${index + 1}`;
}

function base64Length(blob) {
  return 4 * Math.ceil((blob?.size ?? 0) / 3);
}

export default function render(component) {
  return mount(component, Camera);
}
