// What the network looked at: the square that it saw, and the evidence for a class laid over it.

const MAX_PICTURES = 40; // that are kept
const MAX_TRIES = 4;

// Of photos whose explanation is open, by the photo's address; it stays open while another network answers.
const explained = new Set();
const askedClasses = new Map(); // index of the class, by photo and network
const pictures = new Map(); // promises of addresses in the browser, by address on the server, the oldest first

let numExplanations = 0;

class Explanation {
  constructor(card) {
    this.button = card.querySelector(".why");
    this.panel = card.querySelector(".evidence");
    this.pills = this.panel.querySelector(".pills");
    numExplanations += 1;
    this.group = `evidence-${numExplanations}`;
    this.button.addEventListener("click", () => this.toggle());
    this.pills.addEventListener("change", (event) => this.ask(Number(event.target.value)));
    this.panel.querySelector(".again").addEventListener("click", () => this.look());
  }

  show(photo, { url, photosUrl }) {
    this.photo = photo;
    this.url = url;
    this.key = `${photosUrl}/${photo.id}`;
    const isAnswered = Boolean(photo.classes);
    this.button.hidden = !isAnswered;
    const isOpen = isAnswered && explained.has(this.key);
    this.button.setAttribute("aria-expanded", isOpen);
    this.panel.hidden = !isOpen;
    if (isOpen) this.open();
  }

  toggle() {
    if (!explained.delete(this.key)) explained.add(this.key);
    this.show(this.photo, { url: this.url, photosUrl: this.key.slice(0, this.key.lastIndexOf("/")) });
  }

  open() {
    const { classes } = this.photo;
    const asked = askedClasses.get(`${this.url} ${this.photo.id}`);
    this.asked = classes.some(({ index }) => index === asked) ? asked : classes[0].index;
    this.pills.replaceChildren(...classes.map(({ index, label }) => {
      const pill = document.createElement("label");
      const choice = Object.assign(document.createElement("input"), {
        type: "radio",
        name: this.group,
        value: index,
        checked: index === this.asked,
      });
      const name = document.createElement("span");
      name.textContent = label;
      pill.append(choice, name);
      return pill;
    }));
    this.look();
  }

  ask(index) {
    askedClasses.set(`${this.url} ${this.photo.id}`, index);
    this.asked = index;
    this.look();
  }

  async look() {
    const { asked, photo } = this;
    const place = `${this.url}/heat/${photo.id}`;
    const { label } = photo.classes.find(({ index }) => index === asked);
    this.panel.setAttribute("aria-busy", "true");
    this.tell("Looking for the evidence …");
    try {
      const [seen, heat] = await Promise.all([pictureOf(`${place}/seen.jpg`), pictureOf(`${place}/${asked}.jpg`)]);
      if (this.asked !== asked || this.photo !== photo) return;
      await this.put(seen, heat, label);
      this.tell("");
    } catch (error) {
      if (this.asked === asked && this.photo === photo) this.tell(error.message, { isProblem: true });
    }
    this.panel.setAttribute("aria-busy", "false");
  }

  async put(seen, heat, label) {
    const [left, right] = this.panel.querySelectorAll("figure");
    const [square, map] = [left, right].map((figure) => figure.querySelector("img"));
    square.src = seen;
    map.src = heat;
    square.alt = "What the network saw";
    map.alt = `Evidence for ${label}`;
    right.querySelector("figcaption").textContent = `Evidence for ${label}: the brighter, the more`;
    await square.decode();
    left.querySelector("figcaption").textContent =
      `What the network saw: ${square.naturalWidth} × ${square.naturalHeight} pixels`;
    this.panel.querySelector(".squares").hidden = false;
  }

  tell(text, { isProblem = false } = {}) {
    const note = this.panel.querySelector(".note");
    note.hidden = text === "";
    note.querySelector("span").textContent = text;
    note.classList.toggle("is-problem", isProblem);
    note.querySelector(".again").hidden = !isProblem;
  }

  destroy() {
    this.asked = null; // what is under way comes too late
  }
}

// A picture of the server as an address in the browser; what the server says instead is the error's message.
function pictureOf(url) {
  if (!pictures.has(url)) {
    pictures.set(url, fetchPicture(url));
    pictures.get(url).catch(() => pictures.delete(url)); // so that another try asks again
    while (pictures.size > MAX_PICTURES) {
      const [[oldest, address]] = pictures;
      pictures.delete(oldest);
      address.then((each) => URL.revokeObjectURL(each)).catch(() => {});
    }
  }
  return pictures.get(url);
}

async function fetchPicture(url, numTries = 1) {
  const response = await fetch(url).catch(() => null);
  if (response?.ok) return URL.createObjectURL(await response.blob());
  const isBusy = [429, 503].includes(response?.status) && numTries < MAX_TRIES;
  if (!isBusy) throw new Error(await problemOf(response));
  await pause(1000 * (Number(response.headers.get("Retry-After")) || 1));
  return fetchPicture(url, numTries + 1);
}

// What the server says of an answer that is none, in its own sentence.
async function problemOf(response) {
  if (!response) return "The server does not answer. Look at your connection and try again.";
  const body = await response.json().catch(() => null);
  return body?.error ?? `The server did not answer as expected (${response.status}). Try again.`;
}

function pause(milliseconds) {
  return new Promise((resolve) => { setTimeout(resolve, milliseconds); });
}
