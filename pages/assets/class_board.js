// The teacher's board: each pupil in a few lines, kept up to date without the page. A press opens one of them.
class ClassBoard {
  constructor(root) {
    this.find = (name) => root.querySelector(`.${name}`);
    this.cards = new Map(); // by the number of the space
    this.watch = new Watch(this);
  }

  update({ data }) {
    this.watch.connect(data);
  }

  show({ heading, storage, pupils, queue }) {
    setText(this.find("heading"), heading);
    setText(this.find("storage"), storage);
    const known = this.cards;
    this.cards = new Map(pupils.map((pupil) => [pupil.id, known.get(pupil.id) ?? new PupilCard(this)]));
    pupils.forEach((pupil) => this.cards.get(pupil.id).show(pupil));
    replaceWhereOther(this.find("pupils"), [...this.cards.values()].map((card) => card.element));
    this.find("work").hidden = queue.length === 0;
    this.find("queue").replaceChildren(...queue.map(drawTask));
  }

  open(id) {
    this.outbox.send("open", id);
  }

  showTrouble(sentence) {
    setText(this.find("trouble"), sentence);
    this.find("trouble").hidden = !sentence;
  }

  destroy() {
    this.watch.end();
  }
}

// One pupil. Names are text, whatever letters they have.
class PupilCard {
  constructor(board) {
    this.element = document.createElement("li");
    this.button = part("button", "pupil");
    this.button.type = "button";
    this.button.addEventListener("click", () => board.open(this.pupil.id));
    this.picture = part("span", "picture"); // by which its tablet is found in the room
    this.picture.setAttribute("aria-hidden", "true");
    this.name = part("span", "name");
    this.best = part("span", "best");
    this.doing = part("span", "doing");
    this.has = part("span", "has");
    this.storage = part("span", "storage");
    this.due = part("span", "due");
    const top = part("span", "top");
    top.append(this.picture, this.name, this.best);
    const bottom = part("span", "bottom");
    bottom.append(this.has, this.storage);
    this.button.append(top, this.doing, bottom, this.due);
    this.element.append(this.button);
  }

  show(pupil) {
    this.pupil = pupil;
    this.button.classList.toggle("is-away", !pupil.is_here);
    setText(this.picture, pupil.picture);
    setText(this.name, pupil.name);
    this.name.title = pupil.name;
    setText(this.best, pupil.best);
    this.best.classList.toggle("is-doubtful", pupil.is_doubtful);
    this.best.title = pupil.interval;
    setText(this.doing, pupil.doing);
    this.doing.title = pupil.doing;
    setText(this.has, pupil.has);
    setText(this.storage, pupil.storage);
    setText(this.due, pupil.due);
    this.due.hidden = !pupil.due;
  }
}

function drawTask({ text, owner, is_running: isRunning }) {
  const item = document.createElement("li");
  item.classList.toggle("is-running", isRunning);
  item.textContent = owner ? `${owner}: ${text}` : text;
  return item;
}

// Left alone where nothing comes or goes: what has the keyboard's focus would lose it.
function replaceWhereOther(list, elements) {
  const isSame = elements.length === list.children.length && elements.every((each, at) => each === list.children[at]);
  if (!isSame) list.replaceChildren(...elements);
}

function part(tag, className) {
  const element = document.createElement(tag);
  element.className = className;
  return element;
}

export default function render(component) {
  return mount(component, ClassBoard);
}
