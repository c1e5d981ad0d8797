// Answers as people see them.

import { percentText } from "./judge.js";

const MOST_BARS = 5;

export function find(id) {
  return document.querySelector(`#${id}`);
}

function copyOf(template) {
  return find(template).content.firstElementChild.cloneNode(true);
}

// What the browser is to draw before a computation that leaves it no time.
export function nextPaint() {
  return new Promise((resolve) => {
    // A page that nobody looks at draws nothing: then there is nothing to wait for.
    if (document.hidden) setTimeout(resolve);
    else requestAnimationFrame(() => setTimeout(resolve));
  });
}

export function showProblem(message) {
  find("problem").textContent = message;
  find("problem").hidden = message === "";
}

export function sayStatus(message) {
  find("status").textContent = message;
}

export function answerText({ answer, classes }) {
  return answer === null ? "I don’t know" : `${answer}, ${percentText(classes[0].share)}`;
}

// Bars for the likeliest classes.
export function fillBars(list, classes) {
  const bars = classes.slice(0, MOST_BARS).map(({ label, share }) => {
    const bar = copyOf("bar-template");
    bar.querySelector(".label").textContent = label;
    bar.querySelector(".share").textContent = percentText(share);
    bar.querySelector("i").style.width = `${100 * share}%`;
    return bar;
  });
  list.replaceChildren(...bars);
}

// The card of a photo, which comes first in the list; what is known of it comes later.
export class Card {
  #element = copyOf("card-template");

  constructor(name) {
    this.#element.querySelector(".name").textContent = name;
    find("answers").prepend(this.#element);
  }

  showPicture(image, name) {
    const picture = this.#element.querySelector(".picture");
    picture.src = image.src;
    picture.alt = name;
  }

  showAnswer(verdict) {
    this.#element.classList.toggle("is-refused", verdict.answer === null);
    this.#element.querySelector(".answer").textContent = verdict.answer ?? "I don’t know";
    const reason = this.#element.querySelector(".reason");
    reason.hidden = verdict.refusal === "";
    reason.textContent = `Because ${verdict.refusal}.`;
    fillBars(this.#element.querySelector(".bars"), verdict.classes);
  }

  showProblem(message) {
    this.#element.querySelector(".answer").textContent = "No answer";
    this.#element.querySelector(".picture").remove();
    const reason = this.#element.querySelector(".reason");
    reason.hidden = false;
    reason.textContent = message;
  }
}

// What was expected of each sample photo beside what came; `rows`: { name, expected, verdict, difference }.
export function showChecked(rows, tolerance) {
  const isSame = rows.every(({ expected, verdict, difference }) => expected.answer === verdict.answer && difference <= tolerance);
  const points = (100 * Math.max(...rows.map(({ difference }) => difference))).toFixed(1);
  const said = document.createElement("p");
  said.textContent = isSame
    ? `✓ The same answers as where the model was made. Shares differ by at most ${points} points of 100.`
    : `✗ Other answers than where the model was made: shares differ by up to ${points} points of 100. Try another browser.`;
  const table = document.createElement("table");
  table.append(tableRow("th", ["Photo", "Expected", "Here"]));
  for (const { name, expected, verdict } of rows) table.append(tableRow("td", [name, answerText(expected), answerText(verdict)]));
  find("checked").replaceChildren(said, table);
}

function tableRow(kind, texts) {
  const row = document.createElement("tr");
  row.append(
    ...texts.map((text) => {
      const cell = document.createElement(kind);
      cell.textContent = text;
      return cell;
    }),
  );
  return row;
}
