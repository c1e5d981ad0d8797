// A screen on which a network answers whoever walks past, for a day without anybody who looks after it: it finds its camera
// and its server again, stays awake, keeps nothing and begins anew when nobody is there.

const TICK_MILLISECONDS = 66; // fifteen pictures a second
const CALM_TICK_MILLISECONDS = 120; // while nobody is there
const HIDDEN_MILLISECONDS = 1000;
const FIRST_SIDE_PX = 256; // of a picture's shortest side, until the network has said what it needs
const QUALITY = 0.85;
const ANSWER_PATIENCE_MILLISECONDS = 8000;
const ABOUT_MILLISECONDS = 10_000; // from one look at how it is set up to the next
const PREVIEW_ABOUT_MILLISECONDS = 1500;
const FIRST_PAUSE_MILLISECONDS = 500;
const LONGEST_PAUSE_MILLISECONDS = 8000;
const SILENT_FAILURES = 3; // a picture that was left out is nothing to tell of
const STUCK_MILLISECONDS = 5000; // a camera that delivers no new picture for so long is opened anew
const STEADY_MILLISECONDS = 250; // what is said has to hold so long before it is said
const SLIDE_MILLISECONDS = 6000;
const BROKEN_MILLISECONDS = 15_000; // after a mistake of our own the page begins anew

const ASLEEP = "One moment …";
const ASLEEP_DETAIL = "The computer that answers is asked again by itself.";
const BLIND = "I can’t see anything!";
const BLIND_BECAUSE = {
  NotFoundError: "Is my camera plugged in? I look for it by myself.",
  NotAllowedError: "The browser may not use the camera. Allow it for this page.",
  NotReadableError: "Another program uses my camera. I try again by myself.",
};
const BLIND_WITHOUT_HTTPS = "The browser lends me its camera only at an https address.";
const BLIND_OTHERWISE = "I look for my camera by myself.";
const OVER = "The show is over.";
const STRANGER = "Do we know each other?"; // whoever set the screen up has to come in on it once

class Kiosk {
  constructor() {
    this.stage = new KioskStage();
    this.find = (selector) => document.querySelector(selector);
    this.video = this.find("video");
    this.canvas = document.createElement("canvas");
    this.motion = new MotionWatch();
    this.recent = new RecentAnswers();
    this.reactions = new ActionShow(this.find(".reaction"));
    this.address = location.pathname.replace(/\/$/u, "");
    this.isPreview = new URLSearchParams(location.search).has("preview");
    this.screen = Math.floor(16 * Math.random()).toString(16); // two windows of one browser are two screens
    this.about = null;
    this.stream = null;
    this.isTried = !this.isPreview; // whether the camera may be asked for: in a preview, once it was touched
    this.failures = 0; // of the server, one after the other
    this.cameraFailures = 0;
    this.cameraAt = 0; // when to try the camera again
    this.aboutAt = 0;
    this.activeAt = -Infinity;
    this.photo = null; // the number of the one that is shown
    this.usefulSidePx = FIRST_SIDE_PX;
    this.seen = NOTHING_SEEN;
    this.counts = { answers: 0, reconnections: 0, cameras: 0 }; // for whoever looks after it; see benchmarks/kiosk
    this.wake = () => {};
    this.listen();
  }

  listen() {
    document.addEventListener("pointerdown", (event) => this.touch(event));
    document.addEventListener("contextmenu", (event) => event.preventDefault());
    document.addEventListener("dragstart", (event) => event.preventDefault());
    document.addEventListener("gesturestart", (event) => event.preventDefault());
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.resume(); });
    window.addEventListener("online", () => this.wake());
    navigator.mediaDevices?.addEventListener("devicechange", () => this.retryCamera());
    this.find(".sound").addEventListener("click", () => this.turnSound());
    this.find(".full").addEventListener("click", () => this.fillScreen());
    document.addEventListener("fullscreenchange", () => this.showButtons());
    this.find(".reaction").addEventListener("click", () => this.endReaction());
  }

  // --- a day ---

  async live() {
    this.keepAwake();
    for (;;) {
      // One step after the other, for as long as the page is there.
      // oxlint-disable no-await-in-loop
      try {
        await this.rest(await this.step());
      } catch (error) {
        setTimeout(() => location.reload(), BROKEN_MILLISECONDS);
        throw error;
      }
      // oxlint-enable no-await-in-loop
    }
  }

  // Does what is to be done now; for how many milliseconds to rest afterwards.
  async step() {
    if (document.hidden) return HIDDEN_MILLISECONDS;
    const begun = performance.now();
    if (begun >= this.aboutAt && !(await this.lookUp())) return this.pause();
    if (this.about.source === "samples") return this.stepPhotos(begun);
    if (!this.stream && !(await this.openEyes(begun))) return CALM_TICK_MILLISECONDS;
    return this.stepCamera(begun);
  }

  rest(milliseconds) {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds);
      this.wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  // How it is set up, asked again and again: what is changed meanwhile is seen without a touch. Whether there is an answer.
  async lookUp() {
    const told = await this.ask("about");
    if (!told) return false;
    if (this.about && told.version !== this.about.version) location.reload(); // the server is a newer one
    this.aboutAt = performance.now() + (this.isPreview ? PREVIEW_ABOUT_MILLISECONDS : ABOUT_MILLISECONDS);
    const isOther = JSON.stringify(told) !== JSON.stringify(this.about);
    this.about = told;
    if (isOther) this.setUp();
    return true;
  }

  setUp() {
    const { source, actions, words, unknown } = this.about;
    this.stage.setUp(this.about);
    this.words = { ...words, unknown, unsure: unknown };
    this.actions = new Map(Object.entries(actions.by_label).map(([label, action]) => [label, this.placed(action)]));
    this.reactions.language = actions.language;
    if (source === "samples") this.closeEyes();
    else this.stage.showPhoto(null);
    if (this.stream) this.stage.showVideo(this.isMirrored);
    this.showPhotos();
    this.showButtons();
    this.begin();
  }

  placed({ picture, sound, ...rest }) {
    return { ...rest, picture: picture && `${this.address}/${picture}`, sound: sound && `${this.address}/${sound}` };
  }

  // Forgets whoever was here.
  begin() {
    this.forget();
    this.activeAt = -Infinity;
    this.photo = null;
    this.slideAt = 0;
    if (this.about) this.stage.state = "attract";
  }

  forget() {
    this.recent.clear();
    this.motion.forget();
    this.candidate = null;
    this.named = null;
    this.seen = NOTHING_SEEN;
    this.showReaction(null);
    this.stage.lookAt(0, 0);
  }

  touch({ target }) {
    if (this.about && isAnyHeard(this.actions.values())) this.reactions.unlock();
    this.isTried = true;
    this.activeAt = performance.now();
    this.showButtons();
    if (!target.closest("button, .reaction") && this.about?.source === "samples") {
      this.forget();
      this.stage.showPhoto(null);
      this.photo = null;
      this.stage.state = "choose";
    }
    this.wake();
  }

  get isIdle() {
    return performance.now() - this.activeAt > 1000 * this.about.idle_seconds;
  }

  // --- the server ---

  // What the server says; null: nothing, and what there is to say about that is said.
  async ask(path, options = {}) {
    const request = new AbortController();
    const patience = setTimeout(() => request.abort(), ANSWER_PATIENCE_MILLISECONDS);
    try {
      const response = await fetch(`${this.address}/${path}`, { ...options, signal: request.signal, cache: "no-store" });
      const told = await response.json();
      if (response.ok) return this.hear(told);
      this.fail(response.status, String(told.error ?? ""));
    } catch {
      this.fail(0, ""); // the server restarts, or the network is away: it is asked again
    } finally {
      clearTimeout(patience);
    }
    return null;
  }

  hear(told) {
    if (this.failures > SILENT_FAILURES) this.counts.reconnections += 1;
    this.failures = 0;
    if (["offline", "over", "opening"].includes(this.stage.state)) this.begin();
    this.find(".enter").hidden = true;
    return told;
  }

  fail(status, sentence) {
    this.failures += 1;
    const isOver = status === 404 || status === 403;
    if (!isOver && this.about && this.failures <= SILENT_FAILURES) return;
    this.aboutAt = 0;
    this.forget();
    this.stage.state = isOver ? "over" : "offline";
    const over = { text: status === 403 ? STRANGER : OVER, detail: sentence };
    this.stage.say(isOver ? over : { text: ASLEEP, detail: sentence || ASLEEP_DETAIL });
    this.find(".enter").hidden = status !== 403;
    this.find(".enter").href = `../door?to=${encodeURIComponent(`?kiosk=${decodeURIComponent(this.address.split("/").pop())}`)}`;
  }

  pause() {
    const pause = FIRST_PAUSE_MILLISECONDS * 2 ** Math.min(this.failures - 1, 6);
    return Math.min(pause, LONGEST_PAUSE_MILLISECONDS) * (0.8 + 0.4 * Math.random());
  }

  // --- the camera ---

  // Whether it is open.
  async openEyes(now) {
    if (!this.isTried) {
      this.stage.state = "attract";
      this.stage.invite(this.about, now);
      return false;
    }
    if (now < this.cameraAt) return false;
    if (this.cameraFailures === 0) this.stage.invite(this.about, now); // while the browser asks whether it may
    try {
      const stream = await openCamera({ facingMode: "user" });
      await this.see(stream);
      return true;
    } catch (error) {
      this.cameraFailures += 1;
      this.cameraAt = performance.now() + Math.min(LONGEST_PAUSE_MILLISECONDS, 1000 * 2 ** Math.min(this.cameraFailures - 1, 3));
      this.goBlind(window.isSecureContext ? (BLIND_BECAUSE[error.cause?.name] ?? BLIND_OTHERWISE) : BLIND_WITHOUT_HTTPS);
      return false;
    }
  }

  async see(stream) {
    const [track] = stream.getVideoTracks();
    track.addEventListener("ended", () => { if (this.stream === stream) this.lose(); });
    this.stream = stream;
    const hasPicture = await Promise.race([showStream(this.video, stream).then(() => true), this.patience()]);
    if (!hasPicture) {
      this.closeEyes();
      throw new Error("The camera delivers no picture.");
    }
    this.cameraFailures = 0;
    this.counts.cameras += 1;
    [this.pictureTime, this.pictureAt] = [-1, performance.now()];
    this.isMirrored = isMirrored(track);
    this.stage.showVideo(this.isMirrored);
    this.begin();
  }

  patience() {
    return new Promise((resolve) => { setTimeout(() => resolve(false), STUCK_MILLISECONDS); });
  }

  lose() {
    this.closeEyes();
    this.goBlind(BLIND_BECAUSE.NotFoundError);
    this.wake();
  }

  goBlind(sentence) {
    this.forget();
    this.stage.hidePicture();
    this.stage.state = "lost";
    this.stage.say({ text: BLIND, detail: sentence });
  }

  closeEyes() {
    if (!this.stream) return;
    const { stream } = this;
    this.stream = null;
    stopCamera(stream);
    this.video.srcObject = null;
    this.stage.hidePicture();
  }

  retryCamera() {
    this.cameraAt = 0;
    this.wake();
  }

  // A device that has slept took the camera away, and the sign that it is not to sleep.
  resume() {
    this.keepAwake();
    if (this.stream?.getVideoTracks()[0].readyState === "ended") this.lose();
    this.retryCamera();
  }

  stepCamera(begun) {
    if (this.isStuck(begun)) {
      this.lose();
      return CALM_TICK_MILLISECONDS;
    }
    this.watchMotion(begun);
    if (this.isIdle) {
      if (this.stage.state !== "attract") this.begin();
      this.stage.drawMosaic(this.video);
      this.stage.invite(this.about, begun);
      return CALM_TICK_MILLISECONDS;
    }
    if (this.stage.state !== "watch") {
      this.stage.state = "watch";
      this.stage.say({ text: "…", mood: "looking" });
    }
    return this.askAbout(this.video, [this.video.videoWidth, this.video.videoHeight], begun);
  }

  isStuck(now) {
    const time = this.video.currentTime;
    if (time !== this.pictureTime) [this.pictureTime, this.pictureAt] = [time, now];
    return now - this.pictureAt > STUCK_MILLISECONDS;
  }

  watchMotion(now) {
    if (now - (this.motionAt ?? 0) < CALM_TICK_MILLISECONDS) return;
    this.motionAt = now;
    const { hasMoved, x, y } = this.motion.look(this.video);
    if (!hasMoved) return;
    this.activeAt = now;
    this.stage.lookAt(this.isMirrored ? -x : x, y);
  }

  // --- photos in the place of a camera ---

  showPhotos() {
    const { source, num_photos: count } = this.about;
    const tiles = source === "samples" ? Array.from({ length: count }, (_, number) => this.tileOf(number)) : [];
    this.find(".photos").replaceChildren(...tiles);
  }

  tileOf(number) {
    const tile = document.createElement("li");
    const button = document.createElement("button");
    const image = new Image();
    button.type = "button";
    image.alt = `Photo ${number + 1}`;
    image.src = `${this.address}/photos/${number}.jpg`;
    button.append(image);
    button.addEventListener("click", () => this.choose(number));
    tile.append(button);
    return tile;
  }

  choose(number) {
    this.forget();
    this.photo = number;
    this.stage.showPhoto(this.imageOf(number).src);
    this.stage.state = "watch";
    this.stage.say({ text: "…", mood: "looking" });
    this.wake();
  }

  imageOf(number) {
    return this.find(".photos").children[number].querySelector("img");
  }

  // While nobody touches it, one photo follows the other.
  stepPhotos(begun) {
    const count = this.about.num_photos;
    if (this.isIdle) {
      if (this.stage.state !== "attract") this.begin();
      if (begun >= this.slideAt) {
        this.forget();
        this.slideAt = begun + SLIDE_MILLISECONDS;
        this.photo = this.photo === null ? 0 : (this.photo + 1) % (count + 1);
        this.stage.showPhoto(this.photo < count ? this.imageOf(this.photo).src : null);
      }
      if (this.photo === count) this.stage.invite(this.about, begun);
    }
    this.find(".photos").hidden = this.stage.state !== "choose";
    if (this.stage.state === "choose") {
      this.stage.say({ text: this.about.invitation });
      return CALM_TICK_MILLISECONDS;
    }
    if (this.photo === null || this.photo === count) return CALM_TICK_MILLISECONDS;
    const image = this.imageOf(this.photo);
    if (!image.complete || image.naturalWidth === 0) return CALM_TICK_MILLISECONDS;
    return this.askAbout(image, [image.naturalWidth, image.naturalHeight], begun);
  }

  // --- what it says ---

  async askAbout(source, [width, height], begun) {
    const scale = Math.min(1, this.usefulSidePx / Math.min(width, height));
    const [wide, high] = [Math.round(width * scale), Math.round(height * scale)];
    if (this.canvas.width !== wide || this.canvas.height !== high) [this.canvas.width, this.canvas.height] = [wide, high];
    this.canvas.getContext("2d").drawImage(source, 0, 0, wide, high);
    const body = await new Promise((resolve) => { this.canvas.toBlob(resolve, "image/jpeg", QUALITY); });
    const [photo, state] = [this.photo, this.stage.state];
    const answer = await this.ask(`answer?screen=${this.screen}`, { method: "POST", body, headers: { "Content-Type": "image/jpeg" } });
    if (!answer) return this.pause();
    // The screen may have begun anew in the meantime, or the camera gone.
    if (photo === this.photo && state === this.stage.state) this.take(answer, performance.now());
    return Math.max(0, TICK_MILLISECONDS - (performance.now() - begun));
  }

  take(answer, now) {
    this.counts.answers += 1;
    this.usefulSidePx = answer.useful_side_px;
    this.recent.add(answer, now);
    const summary = this.recent.summary({ isCalm: true });
    const [best] = summary.classes;
    const verdict = verdictOf(summary, this.words);
    const isNamed = verdict.mark === "named";
    this.settle({ isNamed, label: isNamed ? best.label : null, share: best.probability }, now);
    if (this.stage.state === "watch") this.react(isNamed ? best.label : null, best.probability, now);
  }

  // What comes and goes within a moment is not worth reading.
  settle({ isNamed, label, share }, now) {
    const text = isNamed ? label : this.about.unknown;
    const name = `${isNamed} ${text}`;
    if (this.candidate?.name !== name) this.candidate = { name, since: now };
    if (this.named !== null && this.named !== name && now - this.candidate.since < STEADY_MILLISECONDS) return;
    const isNews = isNamed && this.named !== name;
    this.named = name;
    this.stage.say(isNamed ? { text, mood: "named", share } : { text, mood: "unknown" });
    if (isNews && share >= this.words.sure_from) this.cheer(label, now);
  }

  // Not each time that an answer comes back.
  cheer(label, now) {
    if (this.cheered?.label === label && now - this.cheered.at < 4000) return;
    this.cheered = { label, at: now };
    this.stage.celebrate();
  }

  react(label, share, now) {
    const before = shownClass(this.seen);
    this.seen = stepActions(this.seen, { label, share, at: now });
    const after = shownClass(this.seen);
    if (after !== before) this.showReaction(this.actions.get(after) ?? null);
  }

  endReaction() {
    this.seen = { ...this.seen, isOver: true };
    this.showReaction(null);
  }

  showReaction(action) {
    const isShown = this.isReacting ?? false;
    if (!action && !isShown) return;
    this.isReacting = Boolean(action);
    this.reactions.show(action);
    document.body.classList.toggle("is-reacting", this.isReacting && !this.find(".reaction").hidden);
    this.stage.fit();
  }

  // --- buttons ---

  showButtons() {
    const isHeard = this.about !== null && isAnyHeard(this.actions.values());
    const isWaiting = !this.reactions.isUnlocked;
    this.find(".sound").hidden = !isHeard;
    this.find(".sound").classList.toggle("is-waiting", isWaiting);
    this.find(".sound").setAttribute("aria-pressed", String(!isWaiting && !this.reactions.isMuted));
    const what = this.reactions.isMuted ? "Switch the sound on" : "Switch the sound off";
    this.find(".sound").setAttribute("aria-label", isWaiting ? "Touch for sound" : what);
    setTextOf(this.find(".sound-text"), isWaiting ? "Touch for sound" : "");
    this.find(".full").hidden = this.isPreview || !document.fullscreenEnabled || document.fullscreenElement !== null;
  }

  // The first touch is what browsers wait for before they let a page be heard: it switches nothing.
  turnSound() {
    if (this.hasTurned) this.reactions.isMuted = !this.reactions.isMuted;
    this.hasTurned = true;
    if (this.reactions.isMuted) this.reactions.hush();
    this.showButtons();
  }

  async fillScreen() {
    await document.documentElement.requestFullscreen({ navigationUI: "hide" });
    this.keepAwake();
  }

  // Browsers give the lock back whenever the page is hidden.
  async keepAwake() {
    const isHeld = this.lock && !this.lock.released;
    if (!navigator.wakeLock || document.hidden || this.isPreview || isHeld) return;
    try {
      this.lock = await navigator.wakeLock.request("screen");
    } catch (error) {
      if (error.name !== "NotAllowedError") throw error; // the battery is low: the device decides
    }
  }
}

window.kiosk = new Kiosk();
await window.kiosk.live();
