// The page of a model that somebody lets others try. Photos are scaled here, sent, answered and forgotten.

const LONGEST_SIDE_PX = 1024;
const QUALITY = 0.9;
const PATIENCE_MILLISECONDS = 30_000;
const NO_SERVER = "The computer that runs the model does not answer. Look at your connection, then try again.";
const NO_PHOTO = "Your browser cannot read this file as a photo. Choose a JPEG or PNG.";

const address = location.pathname.replace(/\/$/u, "");
const find = (selector) => document.querySelector(selector);
const input = find("input[type=file]");
const choose = find(".choose");
const verdictButtons = [...document.querySelectorAll(".verdict button")];

async function ask(path, options = {}) {
  let response;
  try {
    response = await fetch(`${address}/${path}`, { ...options, signal: AbortSignal.timeout(PATIENCE_MILLISECONDS) });
  } catch {
    throw new Error(NO_SERVER);
  }
  const told = await response.json().catch(() => ({ error: NO_SERVER }));
  if (!response.ok) throw Object.assign(new Error(told.error || NO_SERVER), { status: response.status });
  return told;
}

// Whoever is out by now is led to the door by this page, and back to it.
function tell(problem, status = 0) {
  find(".problem").textContent = problem;
  find(".problem").hidden = !problem;
  find(".enter").hidden = status !== 403;
}

async function begin() {
  try {
    const about = await ask("about");
    document.title = `${about.title} · Bluetit`;
    find("h1").textContent = about.title;
    find(".owner").textContent = `A model of ${about.owner}`;
    find(".classes").textContent = `It knows: ${about.classes.join(", ")}.`;
    find(".show").hidden = false;
  } catch (error) {
    tell(error.message, error.status);
  }
}

async function scaled(file) {
  // Upright, whatever the camera has written beside the pixels.
  const picture = await createImageBitmap(file, { imageOrientation: "from-image" });
  const factor = Math.min(1, LONGEST_SIDE_PX / Math.max(picture.width, picture.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(picture.width * factor));
  canvas.height = Math.max(1, Math.round(picture.height * factor));
  const context = canvas.getContext("2d");
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  picture.close();
  return new Promise((resolve) => { canvas.toBlob(resolve, "image/jpeg", QUALITY); });
}

async function show(file) {
  if (!file || choose.classList.contains("is-busy")) return;
  tell("");
  choose.classList.add("is-busy");
  find(".answer").hidden = true;
  try {
    const photo = await scaled(file).catch(() => null);
    if (!photo) throw new Error(NO_PHOTO);
    const found = await ask("answer", { method: "POST", body: photo });
    draw(photo, found);
  } catch (error) {
    tell(error.message, error.status);
  } finally {
    choose.classList.remove("is-busy");
    input.value = "";
  }
}

function draw(photo, found) {
  const picture = find(".answer img");
  URL.revokeObjectURL(picture.src);
  picture.src = URL.createObjectURL(photo);
  const isRefused = found.verdict.kind === "refused";
  const doubts = { sure: "", perhaps: "Perhaps ", unlikely: "Nothing fits well. Nearest: " };
  find(".answer h2").textContent = isRefused ? "I don’t know" : `${doubts[found.verdict.kind]}${found.verdict.label}`;
  find(".reason").textContent = isRefused ? `${found.verdict.sentence} It would have guessed ${found.verdict.label}.` : "";
  find(".reason").hidden = !isRefused;
  find(".bars").replaceChildren(...found.classes.map(bar));
  for (const button of verdictButtons) {
    button.disabled = false;
    button.classList.remove("is-chosen");
  }
  find(".thanks").hidden = true;
  find(".answer").hidden = false;
  find(".answer").scrollIntoView({ block: "nearest" });
}

function bar(found) {
  const row = document.createElement("li");
  const part = (name, text) => Object.assign(document.createElement("span"), { className: name, textContent: text });
  const outer = Object.assign(document.createElement("span"), { className: "bar" });
  const inner = document.createElement("i");
  inner.style.width = `${100 * found.probability}%`;
  outer.append(inner);
  row.append(part("label", found.label), part("share", found.percent), outer);
  return row;
}

async function judge(button) {
  for (const each of verdictButtons) each.disabled = true;
  try {
    await ask("verdict", { method: "POST", body: button.value });
    button.classList.add("is-chosen");
    find(".thanks").hidden = false;
  } catch (error) {
    tell(error.message, error.status);
  }
}

input.addEventListener("change", () => show(input.files[0]));
for (const button of verdictButtons) button.addEventListener("click", () => judge(button));
const isDragging = (is) => document.body.classList.toggle("is-dropping", is);
document.addEventListener("dragover", (event) => { event.preventDefault(); isDragging(true); });
document.addEventListener("dragleave", () => isDragging(false));
document.addEventListener("drop", (event) => {
  event.preventDefault();
  isDragging(false);
  show(event.dataTransfer.files[0]);
});
await begin();
