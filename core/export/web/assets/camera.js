// The camera, where the browser lends it: what it sees is answered while it moves.

import { NOTHING_SEEN, shownClass, stepActions } from "./action_machine.js";
import { ActionShow, isAnyHeard } from "./action_show.js";
import { squareOfVideo } from "./photo.js";
import { answerText, fillBars, find, showProblem } from "./show.js";

const PAUSE_MILLISECONDS = 120;
const JPEG_QUALITY = 0.95;
const PROBLEMS = {
  NotAllowedError: "The browser may not use the camera. Allow it for this page in the browser's settings, or choose photos instead.",
  NotFoundError: "No camera was found. Plug one in, or choose photos instead.",
  NotReadableError: "The camera cannot be opened; another program may be using it. Close that one and try again.",
};
const OTHER_PROBLEM = "The camera cannot be used here. Choose photos instead.";

export class Camera {
  #answer; // a picture as the network sees it → verdict
  #input;
  #stream = null;
  #actions; // Map by label
  #reactions = new ActionShow(find("reaction"));
  #seen = NOTHING_SEEN;

  static isThere() {
    return Boolean(navigator.mediaDevices?.getUserMedia);
  }

  // `reactions`: what happens when a class is seen, by its label, and in which language words are said.
  constructor(answer, input, { actions, language }) {
    this.#answer = answer;
    this.#input = input;
    this.#actions = actions;
    this.#reactions.language = language;
    find("mute").hidden = !isAnyHeard(actions.values());
    find("mute").addEventListener("click", () => this.#turnSound());
    find("reaction").addEventListener("click", () => this.#endReaction());
  }

  async start() {
    showProblem("");
    this.#reactions.unlock();
    try {
      const wanted = { facingMode: "environment", width: { ideal: 1280 }, height: { ideal: 960 } };
      this.#stream = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false });
    } catch (error) {
      showProblem(PROBLEMS[error.name] ?? OTHER_PROBLEM);
      return;
    }
    const [track] = this.#stream.getVideoTracks();
    track.addEventListener("ended", () => this.stop());
    find("video").classList.toggle("is-mirrored", track.getSettings().facingMode === "user");
    find("video").srcObject = this.#stream;
    find("camera").hidden = false;
    find("stop-camera").focus();
    this.#look();
  }

  #turnSound() {
    this.#reactions.isMuted = !this.#reactions.isMuted;
    if (this.#reactions.isMuted) this.#reactions.hush();
    find("mute").setAttribute("aria-pressed", this.#reactions.isMuted);
    find("mute").textContent = this.#reactions.isMuted ? "Sound is off" : "Sound is on";
  }

  #endReaction() {
    this.#seen = { ...this.#seen, isOver: true };
    this.#reactions.show(null);
  }

  #react({ answer, classes: [best] }) {
    const before = shownClass(this.#seen);
    this.#seen = stepActions(this.#seen, { label: answer, share: best.share, at: performance.now() });
    const now = shownClass(this.#seen);
    if (now !== before) this.#reactions.show(this.#actions.get(now) ?? null);
  }

  stop() {
    this.#endReaction();
    this.#seen = NOTHING_SEEN;
    this.#stream?.getTracks().forEach((track) => track.stop());
    this.#stream = null;
    find("camera").hidden = true;
    find("start-camera").focus();
  }

  async #look() {
    if (this.#stream === null) return;
    const video = find("video");
    if (video.videoWidth > 0) this.#show(await this.#answer(squareOfVideo(video, this.#input)));
    setTimeout(() => this.#look(), PAUSE_MILLISECONDS);
  }

  #show(verdict) {
    const title = document.createElement("h3");
    title.className = "answer";
    title.textContent = answerText(verdict);
    const list = document.createElement("ul");
    list.className = "bars";
    fillBars(list, verdict.classes);
    find("live").classList.toggle("is-refused", verdict.answer === null);
    find("live").replaceChildren(title, list);
    if (this.#stream !== null) this.#react(verdict);
  }

  // What the camera sees now, as a JPEG file.
  picture() {
    const video = find("video");
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    canvas.getContext("2d").drawImage(video, 0, 0);
    return new Promise((resolve) => {
      canvas.toBlob(resolve, "image/jpeg", JPEG_QUALITY);
    });
  }
}
