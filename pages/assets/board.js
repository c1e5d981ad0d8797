// The board of a teacher, or of administrators: each space in a few lines, kept up to date without the page. A press
// opens one of them.
class Board {
  constructor(root) {
    this.find = (name) => root.querySelector(`.${name}`);
    this.cards = new Map(); // by the number of the space
    this.watch = new Watch(this);
  }

  update({ data }) {
    this.watch.connect(data);
  }

  show({ heading, storage, hint, spaces, queue }) {
    setText(this.find("heading"), heading);
    setText(this.find("storage"), storage);
    setText(this.find("hint"), hint);
    this.find("hint").hidden = !hint;
    const known = this.cards;
    this.cards = new Map(spaces.map((space) => [space.id, known.get(space.id) ?? new SpaceCard(this)]));
    spaces.forEach((space) => this.cards.get(space.id).show(space));
    replaceWhereOther(this.find("cards"), [...this.cards.values()].map((card) => card.element));
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

// One pupil, or one account. Names are text, whatever letters they have.
class SpaceCard {
  constructor(board) {
    this.element = document.createElement("li");
    this.button = part("button", "card");
    this.button.type = "button";
    this.button.addEventListener("click", () => board.open(this.space.id));
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

  show(space) {
    this.space = space;
    this.button.classList.toggle("is-away", !space.is_here);
    setText(this.picture, space.picture);
    this.picture.hidden = !space.picture;
    setText(this.name, space.name);
    this.name.title = space.name;
    setText(this.best, space.best);
    this.best.classList.toggle("is-doubtful", space.is_doubtful);
    this.best.title = space.interval;
    setText(this.doing, space.doing);
    this.doing.title = space.doing;
    setText(this.has, space.has);
    setText(this.storage, space.storage);
    setText(this.due, space.due);
    this.due.hidden = !space.due;
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
  return mount(component, Board);
}
