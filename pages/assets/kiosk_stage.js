// What a kiosk shows: a bird that says what it sees, on what the camera sees.

const INVITATION_MILLISECONDS = 3400;
const FEATHERS = ["#2f7fd0", "#ffd53d", "#6f9a4f", "#ffffff", "#16335c"];
const NUM_FEATHERS = 22;
const FEATHER_MILLISECONDS = 2300;
const SPEAKING_MILLISECONDS = 1100;
const MOSAIC_TONES = [[11, 24, 48], [47, 127, 208], [255, 213, 61], [255, 255, 255]]; // from dark to bright

class KioskStage {
  constructor() {
    this.body = document.body;
    this.picture = this.find(".picture");
    this.mosaic = this.find(".mosaic").getContext("2d", { willReadFrequently: true });
    this.turn = 0;
    this.shown = "";
    new ResizeObserver(() => this.fit()).observe(this.body);
  }

  find(selector) {
    return document.querySelector(selector);
  }

  get state() {
    return this.body.dataset.state;
  }

  // opening, attract, watch, choose, lost, offline, over
  set state(state) {
    if (state === this.state) return;
    this.body.dataset.state = state;
    this.shown = "";
    if (state === "attract") this.turn = 0;
  }

  setUp({ title, note }) {
    document.title = `${title} · Bluetit`;
    this.find(".title").textContent = title;
    this.find(".note").textContent = note;
  }

  // What the bird says. `mood`: calm, looking, named, unknown; `share`: how sure it is, 0 to 1, or null.
  say({ text, mood = "calm", share = null, detail = "" }) {
    this.body.dataset.mood = mood;
    this.find(".sure").hidden = share === null;
    if (share !== null) {
      this.find(".bar i").style.transform = `scaleX(${share})`;
      setTextOf(this.find(".share"), percentText(share));
    }
    const said = `${mood} ${text} ${detail}`;
    if (said === this.shown) return;
    this.shown = said;
    setTextOf(this.find(".said"), text);
    setTextOf(this.find(".detail"), detail);
    this.find(".detail").hidden = !detail;
    this.fit();
    this.chatter();
    setTextOf(this.find(".spoken"), `${text} ${detail}`.trim());
  }

  // The invitation, the classes by turns, and that nothing is kept.
  invite({ invitation, note, classes }, at) {
    const lines = [invitation, ...(classes.length > 0 ? [`${classes[this.turn % classes.length]}?`] : []), invitation, ...(note ? [note] : [])];
    if (at < (this.nextAt ?? 0) && this.shown) return;
    this.nextAt = at + INVITATION_MILLISECONDS;
    this.say({ text: lines[this.turn % lines.length] });
    this.turn += 1;
  }

  chatter() {
    this.body.classList.add("is-speaking");
    clearTimeout(this.speaking);
    this.speaking = setTimeout(() => this.body.classList.remove("is-speaking"), SPEAKING_MILLISECONDS);
  }

  fit() {
    const said = this.find(".said");
    if (!said.textContent) return;
    const { innerWidth: width, innerHeight: height } = window;
    const unit = Math.min(width, height) / 100;
    const isUpright = height > width;
    const isCentred = this.state === "attract" && !this.body.classList.contains("has-photo");
    const isReacting = this.body.classList.contains("is-reacting");
    const highest = isUpright ? 52 : 40;
    const high = isCentred ? Math.min(highest, 0.3 * (height / unit)) : highest;
    const beside = isUpright || isCentred ? 17 * unit : (isReacting ? 40 : 52) * unit;
    fitText(said, {
      width: width - beside,
      height: (isReacting ? 12 : high) * unit,
      least: 7 * unit,
      most: (isReacting ? 9 : 17) * unit,
    });
  }

  // --- pictures ---

  showVideo(isMirror) {
    this.picture.classList.toggle("is-mirrored", isMirror);
    this.body.classList.add("has-picture");
  }

  showPhoto(address) {
    this.find(".photo").hidden = address === null;
    if (address !== null) this.find(".photo").src = address;
    this.body.classList.toggle("has-photo", address !== null);
    this.body.classList.toggle("has-picture", address !== null);
    this.fit();
  }

  hidePicture() {
    this.body.classList.remove("has-picture");
  }

  // What the camera sees in a few large pixels of the bird's colours.
  drawMosaic(video) {
    const { canvas } = this.mosaic;
    const isUpright = innerHeight > innerWidth;
    const [columns, rows] = isUpright ? [18, 32] : [32, 18];
    if (canvas.width !== columns) [canvas.width, canvas.height] = [columns, rows];
    const scale = Math.max(columns / video.videoWidth, rows / video.videoHeight);
    const [wide, high] = [video.videoWidth * scale, video.videoHeight * scale];
    this.mosaic.drawImage(video, (columns - wide) / 2, (rows - high) / 2, wide, high);
    const pixels = this.mosaic.getImageData(0, 0, columns, rows);
    for (let place = 0; place < pixels.data.length; place += 4) {
      const light = (0.299 * pixels.data[place] + 0.587 * pixels.data[place + 1] + 0.114 * pixels.data[place + 2]) / 255;
      pixels.data.set(toneOf(light), place);
    }
    this.mosaic.putImageData(pixels, 0, 0);
  }

  // -1 to 1 in both directions, as the one who stands before the screen sees it.
  lookAt(x, y) {
    this.find(".bird").style.setProperty("--look-x", x.toFixed(2));
    this.find(".bird").style.setProperty("--look-y", y.toFixed(2));
  }

  // --- joy ---

  celebrate() {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    this.find(".bird").animate(
      [{ transform: "none" }, { transform: "translateY(-9vmin) rotate(-12deg)" }, { transform: "scale(1.1, 0.86)" }, { transform: "translateY(-4vmin) rotate(9deg)" }, { transform: "none" }],
      { duration: 900, easing: "ease-out" },
    );
    if (this.find(".feathers").childElementCount > 0) return; // those of the last time are still in the air
    for (let number = 0; number < NUM_FEATHERS; number += 1) this.letFly(number);
  }

  letFly(number) {
    const feather = document.createElement("i");
    const x = 10 + 80 * Math.random();
    const sway = 24 * (Math.random() - 0.5);
    Object.assign(feather.style, { left: `${x}vw`, top: "-10vmin", background: FEATHERS[number % FEATHERS.length] });
    this.find(".feathers").append(feather);
    const turns = 200 + 400 * Math.random();
    feather.animate(
      [
        { transform: "none", opacity: 1 },
        { transform: `translate(${sway}vw, 60vh) rotate(${turns}deg)`, opacity: 1, offset: 0.7 },
        { transform: `translate(${-sway / 2}vw, 120vh) rotate(${2 * turns}deg)`, opacity: 0 },
      ],
      { duration: FEATHER_MILLISECONDS * (0.7 + 0.6 * Math.random()), delay: 300 * Math.random(), easing: "ease-in" },
    ).addEventListener("finish", () => feather.remove());
  }
}

// Brightness, 0 to 1, as one of the bird's colours or between two of them.
function toneOf(light) {
  const place = Math.min(light, 0.999) * (MOSAIC_TONES.length - 1);
  const lower = Math.floor(place);
  return MOSAIC_TONES[lower].map((channel, index) => channel + (place - lower) * (MOSAIC_TONES[lower + 1][index] - channel));
}

function setTextOf(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
