// What happens at a class: a colour and a picture that fill the screen, words that are said and shown, a sound.
//
// Styles are set one by one, and moved by the browser's own animations: pages whose policy allows no other styles than
// those of their own files have this, too.

const WAY_IN = [{ opacity: 0, transform: "scale(0.82)" }, { opacity: 1, transform: "scale(1.03)", offset: 0.7 }, { opacity: 1, transform: "none" }];
const WAY_IN_MILLISECONDS = 420;
const CALM_WAY_IN = [{ opacity: 0 }, { opacity: 1 }];
const LONGEST_SOUND_MILLISECONDS = 20_000;
// A WAV file of eight samples: a thousandth of a second in which there is nothing.
const SILENCE = "UklGRiwAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQgAAACAgICAgICAgA==";

// Nobody has touched the page yet, the browser does not know this kind of sound, or the next thing happens already: what
// happens is seen then, and not heard.
const seenOnly = () => {};

export class ActionShow {
  #layer;
  #sound = new Audio();
  #soundTimer = 0;
  #isUnlocked = false;

  isMuted = false;
  language = ""; // in which words are said, as "de"; empty: the browser's own

  // `layer`: an element that the page has put over what is to be filled; it is hidden as long as nothing happens.
  constructor(layer) {
    this.#layer = layer;
    Object.assign(layer.style, { display: "grid", placeItems: "center", overflow: "hidden" });
    layer.hidden = true;
    this.#sound.preload = "auto";
  }

  get isUnlocked() {
    return this.#isUnlocked;
  }

  // To be called while a finger or a key is down: browsers let a page make sounds from then on.
  unlock() {
    if (this.#isUnlocked) return;
    this.#isUnlocked = true;
    const silence = URL.createObjectURL(silentWav());
    this.#sound.src = silence;
    const isRefused = ({ name }) => { if (name === "NotAllowedError") this.#isUnlocked = false; };
    this.#sound.play().catch(isRefused).finally(() => URL.revokeObjectURL(silence));
    const words = globalThis.SpeechSynthesisUtterance && new SpeechSynthesisUtterance("");
    if (words) speechSynthesis.speak(words);
  }

  // `action`: { picture, sound, words, colour }, of which the first two are addresses; null: nothing happens any more.
  show(action) {
    this.hush();
    this.#layer.replaceChildren();
    this.#layer.hidden = !action || !(action.picture || action.words || action.colour);
    if (!action) return;
    this.#layer.style.background = action.colour ?? (action.picture || action.words ? "#0b1830" : "none");
    if (action.picture) this.#addPicture(action);
    if (action.words) this.#addWords(action);
    if (!this.isMuted) this.#makeHeard(action);
  }

  hush() {
    clearTimeout(this.#soundTimer);
    this.#sound.pause();
    globalThis.speechSynthesis?.cancel();
  }

  #addPicture({ picture }) {
    const image = new Image();
    image.alt = "";
    image.src = picture;
    Object.assign(image.style, { gridArea: "1 / 1", width: "100%", height: "100%", minHeight: "0", objectFit: "contain" });
    this.#layer.append(image);
    this.#moveIn(image);
  }

  #addWords({ words, colour, picture }) {
    const told = document.createElement("p");
    told.textContent = words;
    told.dir = "auto";
    told.lang = this.language;
    const isDark = picture ? true : !colour || luminance(colour) < 0.36;
    Object.assign(told.style, {
      gridArea: "1 / 1",
      alignSelf: picture ? "start" : "center",
      margin: "0",
      marginTop: picture ? "var(--reaction-top, 0.4em)" : "0",
      maxWidth: "100%",
      boxSizing: "border-box",
      padding: "0.35em 0.8em",
      font: "800 clamp(1.4rem, 9vmin, 7rem)/1.15 system-ui, sans-serif",
      textAlign: "center",
      textWrap: "balance",
      overflowWrap: "anywhere",
      color: isDark ? "#fff" : "#0b1830",
      background: picture ? "rgb(11 24 48 / 72%)" : "none",
      borderRadius: "0.4em",
    });
    this.#layer.append(told);
    this.#moveIn(told);
  }

  #moveIn(element) {
    const isCalm = matchMedia("(prefers-reduced-motion: reduce)").matches;
    element.animate(isCalm ? CALM_WAY_IN : WAY_IN, { duration: WAY_IN_MILLISECONDS, easing: "ease-out" });
  }

  #makeHeard({ sound, words }) {
    if (sound) {
      this.#sound.src = sound;
      this.#sound.play().catch(seenOnly);
      this.#soundTimer = setTimeout(() => this.#sound.pause(), LONGEST_SOUND_MILLISECONDS);
    }
    if (!words || !globalThis.SpeechSynthesisUtterance) return;
    const said = new SpeechSynthesisUtterance(words);
    if (this.language) said.lang = this.language;
    speechSynthesis.speak(said);
  }
}

// Whether something of what may happen is to be heard.
export function isAnyHeard(actions) {
  return [...actions].some(({ sound, words }) => Boolean(sound || words));
}

// Of a colour such as #2f7fd0, 0 (black) to 1. Source: WCAG 2.2, relative luminance
export function luminance(colour) {
  const [red, green, blue] = [1, 3, 5].map((place) => {
    const value = Number.parseInt(colour.slice(place, place + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

function silentWav() {
  return new Blob([Uint8Array.from(atob(SILENCE), (letter) => letter.codePointAt(0))], { type: "audio/wav" });
}
