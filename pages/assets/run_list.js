// The list of runs: each with its name, how it stands, how good it became and how it got there. Kept up to date without
// the page, whoever begins, ends or renames a run.
class RunList {
  static numShown = 12; // and so many more with each press

  constructor(root) {
    this.find = (name) => root.querySelector(`.${name}`);
    this.list = root.querySelector("ul");
    this.more = this.find("more");
    this.rows = new Map(); // of the runs that are shown, by number
    this.numShown = RunList.numShown;
    this.told = { heading: "", runs: [] };
    this.more.addEventListener("click", () => this.showMore());
    this.watch = new Watch(this);
  }

  update({ data }) {
    this.openId = data.open_run_id;
    this.datasetId = data.dataset_id;
    this.watch.connect(data);
    this.draw();
  }

  show(told) {
    this.told = told;
    this.draw();
  }

  draw() {
    const { heading, runs } = this.told;
    const wanted = runs.filter((run) => this.datasetId === null || run.dataset_id === this.datasetId);
    const shown = wanted.filter((run, place) => place < this.numShown || run.id === this.openId);
    const known = this.rows;
    this.rows = new Map(shown.map((run) => [run.id, known.get(run.id) ?? new RunRow(this)]));
    shown.forEach((run) => this.rows.get(run.id).show(run, run.id === this.openId));
    const elements = [...this.rows.values()].map((row) => row.element);
    // Left alone where nothing comes or goes: what has the keyboard's focus would lose it.
    if (elements.length !== this.list.children.length || elements.some((each, at) => each !== this.list.children[at])) {
      this.list.replaceChildren(...elements);
    }
    setText(this.find("heading"), heading);
    const numHidden = wanted.length - shown.length;
    setText(this.more, numHidden > 0 ? `Show ${numHidden.toLocaleString("en")} more` : "");
    this.more.hidden = numHidden <= 0;
  }

  showMore() {
    this.numShown += 5 * RunList.numShown;
    this.draw();
  }

  send(name, payload) {
    this.outbox.send(name, payload);
  }

  showTrouble(sentence) {
    setText(this.find("trouble"), sentence);
    this.find("trouble").hidden = !sentence;
  }

  destroy() {
    this.watch.end();
  }
}

// One run. Names are text, whatever letters they have.
class RunRow {
  constructor(list) {
    this.element = document.createElement("li");
    this.race = button("race", () => list.send("race", this.run.race.mark));
    this.box = part("div", "run");
    this.open = button("open", () => list.send("open", this.run.id));
    this.icon = part("span", "icon");
    this.icon.setAttribute("aria-hidden", "true");
    this.name = document.createElement("span");
    this.open.append(this.icon, this.name);
    this.text = document.createElement("span");
    this.curve = part("i", "curve");
    this.curve.setAttribute("role", "img");
    this.caution = part("div", "caution");
    const line = part("div", "line");
    line.append(this.text, this.curve);
    this.box.append(this.open, line, this.caution);
    this.element.append(this.race, this.box);
  }

  show(run, isOpen) {
    this.run = run;
    this.box.classList.toggle("is-open", isOpen);
    if (isOpen) this.open.setAttribute("aria-current", "true");
    else this.open.removeAttribute("aria-current");
    this.race.hidden = !run.race;
    setText(this.race, run.race?.text ?? "");
    setText(this.icon, run.icon);
    setText(this.name, run.name);
    setText(this.text, run.text);
    this.curve.hidden = !run.shape;
    this.curve.style.clipPath = run.shape;
    this.curve.setAttribute("aria-label", run.label);
    setText(this.caution, run.caution);
    this.caution.hidden = !run.caution;
  }
}

function part(tag, className) {
  const element = document.createElement(tag);
  element.className = className;
  return element;
}

function button(className, onClick) {
  const element = part("button", className);
  element.type = "button";
  element.addEventListener("click", onClick);
  return element;
}

export default function render(component) {
  return mount(component, RunList);
}
