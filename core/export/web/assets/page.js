// The page itself: opens the model, takes photos in, shows answers.

import { Camera } from "./camera.js";
import { Reference, judge } from "./judge.js";
import { Network } from "./network.js";
import { takeFile } from "./packed.js";
import { PhotoError, keepsColours, openImage, squareOf } from "./photo.js";
import { Card, find, nextPaint, sayStatus, showChecked, showProblem } from "./show.js";
import { runTrial, tellTrialProblem } from "./trial.js";

// As large as the browser's own decoder of photos makes them.
const TOLERANCE = 0.02;
const FACTS = JSON.parse(find("facts").textContent);
const NO_COLOURS =
  "This browser changes the colours of photos before pages see them, as a protection against trackers: the answers may " +
  "be wrong. Allow this page to read canvases, or use another browser.";

let network = null;
let reference = null;

async function openModel() {
  // The runtime, then the model: one of them at a time is large enough for a phone.
  const runtime = await takeFile("runtime");
  const model = await takeFile("model");
  network = await Network.open({ runtime, model, ...FACTS.input });
  if (FACTS.numFeatures > 0) reference = new Reference(await takeFile("reference"), FACTS.numFeatures);
}

// What happens when the camera sees a class, by its label, with addresses of what is shown and heard.
async function openReactions() {
  const named = Object.values(FACTS.actions).flatMap(({ picture, sound }) => [picture, sound]);
  const names = [...new Set(named)].filter((name) => name !== null);
  const files = await Promise.all(names.map((name) => takeFile(name)));
  const addresses = new Map(names.map((name, index) => [name, addressOf(files[index], name)]));
  const actions = Object.entries(FACTS.actions).map(([index, action]) => [
    FACTS.classNames[index],
    { ...action, picture: addresses.get(action.picture), sound: addresses.get(action.sound) },
  ]);
  return { actions: new Map(actions), language: FACTS.language };
}

function addressOf(bytes, name) {
  const type = { jpg: "image/jpeg", wav: "audio/wav", mp3: "audio/mpeg", ogg: "audio/ogg" }[name.slice(-3)];
  return URL.createObjectURL(new Blob([bytes], { type }));
}

async function verdictOn(square) {
  return judge(await network.answer(square), { classNames: FACTS.classNames, rule: FACTS.rule, reference });
}

async function answerTo(file, name) {
  const image = await openImage(file, name);
  try {
    return await verdictOn(await squareOf(file, image, FACTS.input));
  } finally {
    URL.revokeObjectURL(image.src);
  }
}

async function addPhoto(file, name) {
  const card = new Card(name);
  try {
    const image = await openImage(file, name);
    card.showPicture(image, name);
    await nextPaint();
    const verdict = await verdictOn(await squareOf(file, image, FACTS.input));
    card.showAnswer(verdict);
    sayStatus(`${name}: ${verdict.answer ?? "I don’t know"}`);
  } catch (error) {
    if (!(error instanceof PhotoError)) throw error;
    card.showProblem(error.message);
    sayStatus(error.message);
  }
}

// One thing after the other; what is asked for meanwhile waits.
let queue = Promise.resolve();

function enqueue(work) {
  queue = queue.then(work).catch((error) => showProblem(`Something went wrong: ${error.message} Reload the page.`));
}

function addPhotos(files) {
  for (const file of files) enqueue(() => addPhoto(file, file.name));
}

function takeIn({ files, items }) {
  const isPhotoThere = files.length > 0;
  if (isPhotoThere) addPhotos(files);
  else if (items.length > 0) showProblem("That was no photo. Save it as a file first, and choose that.");
  if (isPhotoThere) showProblem("");
}

function listen(camera) {
  for (const id of ["files", "shot"]) {
    find(id).addEventListener("change", ({ target }) => {
      addPhotos(target.files);
      target.value = "";
    });
  }
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    find("drop").classList.add("is-over");
  });
  document.addEventListener("dragleave", ({ relatedTarget }) => {
    if (relatedTarget === null) find("drop").classList.remove("is-over");
  });
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    find("drop").classList.remove("is-over");
    takeIn(event.dataTransfer);
  });
  document.addEventListener("paste", ({ clipboardData }) => {
    if (clipboardData.files.length > 0) takeIn(clipboardData);
  });
  find("start-camera").hidden = !Camera.isThere();
  find("start-camera").addEventListener("click", () => camera.start());
  find("stop-camera").addEventListener("click", () => camera.stop());
  find("keep").addEventListener("click", async () => {
    const file = await camera.picture();
    enqueue(() => addPhoto(file, "From the camera"));
  });
}

async function showSamples() {
  const files = await Promise.all(FACTS.samples.map(({ id }) => takeFile(id)));
  const samples = FACTS.samples.map((sample, index) => ({ ...sample, file: new Blob([files[index]]) }));
  for (const { name, file } of samples) {
    const button = document.createElement("button");
    button.className = "sample";
    button.type = "button";
    const image = document.createElement("img");
    image.src = URL.createObjectURL(file);
    image.alt = `Ask about ${name}`;
    button.append(image);
    button.addEventListener("click", () => enqueue(() => addPhoto(file, name)));
    find("sample-row").append(button);
  }
  find("check").addEventListener("click", () => enqueue(() => checkYourself(samples)));
  find("samples").hidden = samples.length === 0;
}

async function checkYourself(samples) {
  find("checked").textContent = "Checking …";
  const rows = [];
  for (const { name, file, expected } of samples) {
    // oxlint-disable-next-line no-await-in-loop -- the network answers one photo at a time
    const verdict = await answerTo(file, name);
    const difference = Math.max(...verdict.shares.map((share, index) => Math.abs(share - expected.shares[index])));
    const best = Math.max(...expected.shares);
    rows.push({ name, expected: { answer: expected.answer, classes: [{ share: best }] }, verdict, difference });
  }
  showChecked(rows, TOLERANCE);
}

async function start() {
  if (document.documentElement.className === "is-too-old") return;
  find("drop").hidden = false;
  find("drop").classList.add("is-busy");
  const inputs = document.querySelectorAll("#drop :is(input, button)");
  inputs.forEach((input) => {
    input.disabled = true;
  });
  await nextPaint();
  await openModel();
  inputs.forEach((input) => {
    input.disabled = false;
  });
  find("drop").classList.remove("is-busy");
  listen(new Camera(verdictOn, FACTS.input, await openReactions()));
  if (!keepsColours()) showProblem(NO_COLOURS);
  await showSamples();
  sayStatus("Ready.");
}

async function main() {
  const trial = find("trial");
  try {
    await start();
    if (trial) await runTrial(trial, { answerTo, readyMilliseconds: performance.now() });
  } catch (error) {
    showProblem(`The model cannot be opened in this browser: ${error.message} Try another browser, or another device.`);
    sayStatus("");
    if (trial) tellTrialProblem(error);
    throw error;
  }
}

document.addEventListener("DOMContentLoaded", main);
