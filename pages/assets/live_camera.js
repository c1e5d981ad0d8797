const MOST_PER_SECOND = 15;
const FIRST_SIDE_PX = 256; // of a frame's shortest side, until the network has said what it needs
const FRAME_QUALITY = 0.85;
const KEPT_SIDE_PX = 1280;
const KEPT_QUALITY = 0.92;
const MOST_BUTTONS = 6; // classes that have a button each; more are in a list

const ANSWER_PATIENCE_MILLISECONDS = 10_000;
const PICTURE_PATIENCE_MILLISECONDS = 4000;
const FIRST_PAUSE_MILLISECONDS = 500;
const LONGEST_PAUSE_MILLISECONDS = 8000;
const STEADY_MILLISECONDS = 250; // a calm verdict has to hold that long before it is shown
const SPOKEN_MILLISECONDS = 2500;
const RATE_MILLISECONDS = 1000;

const NO_PICTURE = "The camera delivers no new picture. Another program may have taken it; close that one, or start the camera again.";
const NO_SERVER = "The server does not answer. It is asked again by itself.";
const NO_HEAT = "This network cannot show live where it looks. Keep a picture: its card can.";

// What the person has set, kept when React rebuilds the component.
const wishes = { isCalm: true, showsHeat: false, facingMode: "environment" };

class LiveCamera {
  constructor(root) {
    this.box = root.querySelector(".live");
    this.video = root.querySelector("video");
    this.canvas = document.createElement("canvas");
    this.bars = new LiveBars(this.find(".bars"));
    this.heat = new HeatMap(this.find(".heat"));
    this.recent = new RecentAnswers();
    this.stream = null;
    this.listeners = new AbortController();
    this.reactions = new LiveReactions(this.box, (...what) => this.listen(...what));
    this.listenToButtons();
    this.listen(document, "visibilitychange", () => this.onVisibility());
    // A tab of the page that is left has no size; the browser draws nothing that could tell so otherwise.
    this.sight = new ResizeObserver(() => { if ((this.stream || this.film) && this.box.offsetWidth === 0) this.stop(); });
    this.sight.observe(this.box);
    this.listenToFiles();
    this.find(".calm").checked = wishes.isCalm;
    this.find(".where").checked = wishes.showsHeat;
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
    this.listen(this.find(".stop"), "click", () => this.stop({ keepsFocus: true }));
    this.listen(this.find(".pause"), "click", () => this.togglePause());
    this.listen(this.find(".turn"), "click", () => this.turn());
    this.listen(this.find(".keep"), "click", () => this.keep());
    this.listen(this.find(".teach-add"), "click", () => this.teach(Number(this.find(".teach-choice").value)));
    this.listen(this.find(".calm"), "change", (event) => {
      wishes.isCalm = event.target.checked;
      this.show();
    });
    this.listen(this.find(".where"), "change", (event) => {
      wishes.showsHeat = event.target.checked;
      this.show();
    });
  }

  listenToFiles() {
    const stage = this.find(".stage");
    const input = this.find(".file");
    this.listen(this.find(".open"), "click", () => input.click());
    this.listen(this.find(".shut"), "click", () => this.stop({ keepsFocus: true }));
    this.listen(input, "change", () => {
      this.openFilm(input.files[0]);
      input.value = "";
    });
    const mark = (isDropping) => this.box.classList.toggle("is-dropping", isDropping);
    this.listen(stage, "dragleave", () => mark(false));
    this.listen(stage, "dragover", (event) => {
      event.preventDefault();
      mark(true);
    });
    this.listen(stage, "drop", (event) => {
      event.preventDefault();
      event.stopPropagation();
      mark(false);
      this.openFilm(event.dataTransfer.files[0]);
    });
  }

  update({ data }) {
    const isOther = this.data?.network !== data.network;
    this.data = data;
    if (isOther) {
      this.forget();
      this.film?.begin();
    }
    this.showClasses();
    this.reactions.update(data.actions);
  }

  // What another network, or another camera, has said.
  forget() {
    this.recent.clear();
    this.reactions.forget();
    this.verdict = null;
    this.bestIndex = null;
    this.usefulSidePx = FIRST_SIDE_PX;
    this.bars.clear();
    this.find(".heat").hidden = true;
    this.find(".seen").hidden = true;
    this.showVerdict({ mark: "", text: "", share: "", detail: "" });
    this.note("");
  }

  setState(state) {
    this.box.dataset.state = state; // off, starting, on, paused, film
    this.find(".start").disabled = state === "starting";
    this.find(".start").textContent = state === "starting" ? "Waiting for the camera …" : "Start camera";
    this.find(".pause").textContent = state === "paused" ? "Go on" : "Pause";
  }

  complain(text) {
    setText(this.find(".problem"), text);
    this.find(".problem").hidden = !text;
  }

  say(text) {
    setText(this.find(".status"), text);
  }

  note(text) {
    setText(this.find(".note"), text);
  }

  // --- the camera ---

  async start(choice = null) {
    const hadFocus = this.hasFocus();
    this.close();
    this.complain("");
    this.say("");
    this.setState("starting");
    const attempt = (this.attempt = {});
    let stream;
    try {
      stream = await openCamera(choice ?? { facingMode: wishes.facingMode });
    } catch (error) {
      if (attempt !== this.attempt) return;
      this.setState("off");
      this.complain(error.message);
      return;
    }
    if (attempt !== this.attempt) {
      stopCamera(stream); // it came too late
      return;
    }
    this.stream = stream;
    this.choice = choice;
    await this.open(stream);
    if (hadFocus && this.stream === stream) this.find(".keep").focus();
  }

  hasFocus() {
    return this.box.contains(this.box.getRootNode().activeElement);
  }

  async open(stream) {
    const [track] = stream.getVideoTracks();
    this.listen(track, "ended", () => {
      // A tablet that sleeps takes the camera away; it comes back with the page.
      if (this.stream !== stream || document.hidden) return;
      this.stop();
      this.complain(CAMERA_GONE);
    });
    await showStream(this.video, stream);
    if (this.stream !== stream) return;
    this.find(".stage").style.setProperty("--ratio", this.video.videoWidth / this.video.videoHeight);
    this.find(".picture").classList.toggle("is-mirrored", isMirrored(track));
    this.forget();
    this.setState("on");
    this.watchPictures(stream);
    this.work(stream);
    const cameras = await listCameras();
    this.deviceIds = cameras.map(({ deviceId }) => deviceId);
    this.find(".turn").hidden = cameras.length < 2;
  }

  // Phones have a front and a back, each perhaps with several cameras; elsewhere one camera follows the other.
  turn() {
    const settings = this.stream.getVideoTracks()[0].getSettings();
    if (settings.facingMode) {
      wishes.facingMode = settings.facingMode === "user" ? "environment" : "user";
      this.start();
      return;
    }
    const next = (this.deviceIds.indexOf(settings.deviceId) + 1) % this.deviceIds.length;
    this.start({ deviceId: this.deviceIds[next] });
  }

  async togglePause() {
    if (this.box.dataset.state === "paused") {
      this.setState("on");
      await this.video.play();
      this.work(this.stream);
    } else {
      this.video.pause();
      this.reactions.forget();
      this.setState("paused");
      this.find(".rate").textContent = "";
    }
  }

  onVisibility() {
    if (!this.stream) return;
    if (document.hidden) this.asking?.abort();
    else if (this.stream.getVideoTracks()[0].readyState === "ended") this.start(this.choice);
  }

  stop({ keepsFocus = false } = {}) {
    this.close();
    this.setState("off");
    if (keepsFocus) this.find(".start").focus();
  }

  close() {
    this.attempt = null;
    this.asking?.abort();
    this.film?.close();
    this.film = null;
    this.reactions.forget();
    if (!this.stream) return;
    stopCamera(this.stream);
    this.stream = null;
    this.video.srcObject = null;
    this.find(".rate").textContent = "";
  }

  // --- a video file, which stays in the browser ---

  async openFilm(file) {
    if (!file) return;
    this.close();
    this.complain("");
    this.say("");
    this.setState("starting");
    this.film = new Film(this.box, {
      file,
      request: (video) => this.request(video, null),
      onMoment: (answer) => this.showMoment(answer),
      onProblem: (sentence) => this.complain(sentence),
      describe: (answer) => verdictOf(summaryOf(answer), this.data.words),
    });
    const { film } = this;
    const isReadable = await film.open();
    if (film !== this.film) return;
    if (!isReadable) {
      this.stop();
      this.complain(`This browser cannot play ${file.name}. Save it as MP4 (H.264) or WebM, and open that.`);
      return;
    }
    this.find(".picture").classList.remove("is-mirrored");
    this.forget();
    this.setState("film");
    film.begin();
  }

  showMoment(answer) {
    const summary = summaryOf(answer);
    this.box.classList.remove("is-calm");
    this.bars.show(summary);
    this.showSeen(summary.seen);
    this.showVerdict(verdictOf(summary, this.data.words));
  }

  // --- asking the network ---

  // One frame at a time, the next when its answer is there.
  async work(stream) {
    const shift = (this.shift = {});
    const isOn = () => this.shift === shift && this.stream === stream && this.box.dataset.state === "on";
    this.failures = 0;
    this.times = [];
    while (isOn()) {
      // Each step waits for the one before it: that is what keeps frames from piling up.
      // oxlint-disable no-await-in-loop
      const isNew = await this.nextPicture();
      if (!isOn()) return;
      if (document.hidden) continue;
      if (!isNew) {
        this.note(NO_PICTURE);
        continue;
      }
      const takenAt = performance.now();
      const pause = await this.ask(takenAt);
      await sleep(Math.max(pause, 1000 / MOST_PER_SECOND - (performance.now() - takenAt)));
      // oxlint-enable no-await-in-loop
    }
  }

  // Notes every picture that the camera delivers; hidden pages get none.
  watchPictures(stream) {
    const { video } = this;
    if (!video.requestVideoFrameCallback) {
      this.onPicture = (tell) => setTimeout(tell, 33);
      return;
    }
    let isNew = true;
    let waiting = null;
    const note = () => {
      if (this.stream !== stream) return;
      isNew = true;
      waiting?.();
      video.requestVideoFrameCallback(note);
    };
    video.requestVideoFrameCallback(note);
    this.onPicture = (tell) => {
      waiting = () => {
        waiting = null;
        isNew = false;
        tell();
      };
      if (isNew) waiting();
    };
  }

  // Whether there is a picture that has not been sent, after a while at the latest.
  nextPicture() {
    return new Promise((resolve) => {
      const patience = setTimeout(() => resolve(false), PICTURE_PATIENCE_MILLISECONDS);
      this.onPicture(() => {
        clearTimeout(patience);
        resolve(true);
      });
    });
  }

  // Sends what the camera sees; how many milliseconds to wait before the next is sent.
  async ask(takenAt) {
    const { network } = this.data;
    const heatIndex = wishes.showsHeat ? this.bestIndex : null;
    try {
      const { isOk, answer, secondsToWait } = await this.request(this.video, heatIndex);
      if (network !== this.data.network || this.box.dataset.state !== "on") return 0;
      if (!isOk) return this.fail(answer.error, secondsToWait);
      this.take({ ...answer, heatIndex }, takenAt);
      return 0;
    } catch {
      // The page went, or the connection; the next try tells.
      return this.stream && !document.hidden ? this.fail(NO_SERVER, 0) : 0;
    }
  }

  // What the network says to what a video shows; fails where nobody answers.
  async request(video, heatIndex) {
    const { url } = this.data;
    const asking = (this.asking = new AbortController());
    const patience = setTimeout(() => asking.abort(), ANSWER_PATIENCE_MILLISECONDS);
    try {
      const response = await fetch(heatIndex === null ? url : `${url}?heat=${heatIndex}`, {
        method: "POST",
        headers: { "Content-Type": "image/jpeg" },
        body: await this.takeFrame(video, this.usefulSidePx, FRAME_QUALITY, { isShortest: true }),
        signal: asking.signal,
      });
      const secondsToWait = Number(response.headers.get("Retry-After") ?? 0);
      return { isOk: response.ok, answer: await response.json(), secondsToWait };
    } finally {
      clearTimeout(patience);
    }
  }

  fail(sentence, secondsToWait) {
    this.failures += 1;
    // That a picture was left out because many watch is no news before it has happened a few times.
    if (!secondsToWait || this.failures > 2) this.note(sentence);
    const pause = FIRST_PAUSE_MILLISECONDS * 2 ** Math.min(this.failures - 1, 6);
    const jitter = 1 + 0.3 * Math.random(); // so that those who were left out do not all come back together
    return Math.max(Math.min(pause, LONGEST_PAUSE_MILLISECONDS), 1000 * secondsToWait) * jitter;
  }

  take(answer, takenAt) {
    this.failures = 0;
    this.note(wishes.showsHeat && answer.heatIndex !== null && answer.heat === null ? NO_HEAT : "");
    this.usefulSidePx = answer.useful_side_px;
    this.recent.add(answer, performance.now());
    this.show();
    this.countAnswer(takenAt);
  }

  countAnswer(takenAt) {
    const now = performance.now();
    this.times = this.times.filter(({ at }) => now - at < 2 * RATE_MILLISECONDS);
    this.times.push({ at: now, delay: now - takenAt });
    this.box.dataset.milliseconds = Math.round(now - takenAt); // from the frame to its bars
    if (now - (this.ratedAt ?? 0) < RATE_MILLISECONDS) return;
    this.ratedAt = now;
    const seconds = (now - this.times[0].at) / 1000;
    if (seconds < 0.5) return;
    const rate = (this.times.length - 1) / seconds;
    const delays = this.times.map(({ delay }) => delay).toSorted((one, other) => one - other);
    const median = delays[Math.floor(delays.length / 2)];
    setText(this.find(".rate"), `${rate.toFixed(rate < 9.5 ? 1 : 0)} answers a second · ${Math.round(median)} ms`);
  }

  // --- what is said ---

  show() {
    this.box.classList.toggle("is-calm", wishes.isCalm);
    if (!this.data || this.recent.answers.length === 0) return;
    const summary = this.recent.summary(wishes);
    this.bestIndex = summary.classes[0].index;
    this.bars.show(summary);
    this.heat.show(wishes.showsHeat ? summary.heat : null, summary.seen, this.data.heat);
    this.showSeen(summary.seen);
    const verdict = verdictOf(summary, this.data.words);
    this.settle(verdict);
    // By the mean, whether it is shown or not: what is said once should not depend on a switch.
    const [best] = this.recent.summary({ isCalm: true }).classes;
    this.reactions.see(verdict, best, performance.now());
  }

  showSeen([left, top, right, bottom]) {
    const seen = this.find(".seen");
    seen.hidden = left <= 0 && top <= 0; // all of the picture
    Object.assign(seen.style, {
      left: `${100 * left}%`,
      top: `${100 * top}%`,
      width: `${100 * (right - left)}%`,
      height: `${100 * (bottom - top)}%`,
    });
  }

  // A verdict that comes and goes within a moment is not worth reading.
  settle(verdict) {
    const now = performance.now();
    const name = `${verdict.mark} ${verdict.text}`;
    if (this.candidate?.name !== name) this.candidate = { name, since: now };
    const isShown = this.verdict === name;
    if (!isShown && wishes.isCalm && this.verdict && now - this.candidate.since < STEADY_MILLISECONDS) return;
    // Sentences hold still long enough to be read.
    const isReadable = !isShown || now - this.detailedAt > SPOKEN_MILLISECONDS;
    if (isReadable) this.detailedAt = now;
    this.verdict = name;
    this.showVerdict(isReadable ? verdict : { ...verdict, detail: this.find(".detail").textContent });
    this.speak(verdict);
  }

  showVerdict({ mark, text, share, detail }) {
    this.find(".answer").dataset.mark = mark;
    this.find(".answer").hidden = !text;
    setText(this.find(".verdict-text"), text);
    setText(this.find(".share"), share);
    setText(this.find(".detail"), detail);
  }

  speak({ text, share }) {
    const now = performance.now();
    const isTold = this.spoken === text || now - (this.spokenAt ?? 0) < SPOKEN_MILLISECONDS;
    if (isTold) return;
    this.spoken = text;
    this.spokenAt = now;
    setText(this.find(".spoken"), `${text} ${share}`.trim());
  }

  // --- pictures that stay ---

  // A JPEG of the picture as the camera sees it, never mirrored.
  takeFrame(video, sidePx, quality, { isShortest }) {
    const { videoWidth, videoHeight } = video;
    const side = isShortest ? Math.min(videoWidth, videoHeight) : Math.max(videoWidth, videoHeight);
    const scale = Math.min(1, sidePx / side);
    const canvas = isShortest ? this.canvas : document.createElement("canvas");
    canvas.width = Math.round(videoWidth * scale);
    canvas.height = Math.round(videoHeight * scale);
    const pen = canvas.getContext("2d");
    pen.imageSmoothingQuality = "high";
    pen.drawImage(video, 0, 0, canvas.width, canvas.height);
    return new Promise((resolve) => { canvas.toBlob(resolve, "image/jpeg", quality); });
  }

  keep() {
    return this.dispatch("keep", {}, { sending: "Keeping the picture …", taken: "Kept: its card is below." });
  }

  teach(classId) {
    const { name } = this.data.teach.classes.find(({ id }) => id === classId);
    const subject = { run_id: this.data.teach.run_id, class_id: classId };
    return this.dispatch("teach", subject, { sending: `Adding the picture to “${name}” …`, taken: "" });
  }

  async dispatch(event, subject, { sending, taken }) {
    if (!this.stream && !this.film) return;
    this.flash();
    const blob = await this.takeFrame(this.video, KEPT_SIDE_PX, KEPT_QUALITY, { isShortest: false });
    const isKept = this.outbox.send(event, { ...subject, frame: await asBase64(blob) }, {
      onSent: () => this.say(sending),
      onDelay: () => {
        this.complain("The picture did not reach the server yet. Look at your connection; it is sent again by itself.");
      },
      onTaken: () => {
        this.complain("");
        this.say(taken);
      },
    });
    if (!isKept) this.complain("The picture was not kept: too many wait for the server. Try again when it has answered.");
  }

  flash() {
    this.box.classList.remove("has-kept");
    void this.box.offsetWidth; // so that the animation begins anew
    this.box.classList.add("has-kept");
  }

  showClasses() {
    const { teach } = this.data;
    this.find(".teach").hidden = !teach;
    if (!teach) return;
    setText(this.find(".teach-title"), teach.title);
    this.find(".teach").setAttribute("aria-label", teach.title);
    const isShort = teach.classes.length <= MOST_BUTTONS;
    const names = JSON.stringify(teach.classes);
    this.find(".teach-choice").hidden = isShort;
    this.find(".teach-add").hidden = isShort;
    if (names === this.shownClasses) return;
    this.shownClasses = names;
    const buttons = (isShort ? teach.classes : []).map(({ id, name }) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = name;
      button.addEventListener("click", () => this.teach(id));
      return button;
    });
    this.find(".teach-buttons").replaceChildren(...buttons);
    this.find(".teach-choice").replaceChildren(...teach.classes.map(({ id, name }) => new Option(name, id)));
  }

  destroy() {
    this.listeners.abort();
    this.sight.disconnect();
    this.close();
  }
}

function summaryOf(answer) {
  const alone = new RecentAnswers();
  alone.add(answer, 0);
  return alone.summary({ isCalm: false });
}

function sleep(milliseconds) {
  return new Promise((resolve) => { setTimeout(resolve, milliseconds); });
}

export default function render(component) {
  return mount(component, LiveCamera);
}
