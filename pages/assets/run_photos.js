// What the model says to some validation photos after an epoch, and what the run remarked.
class RunPhotos {
  constructor(root) {
    this.section = root.querySelector(".bluetit-told-photos");
    this.epoch = root.querySelector(".bluetit-told-epoch");
    this.cards = root.querySelector(".bluetit-said-all");
    this.notes = root.querySelector(".bluetit-told-notes");
    this.watch = new Watch(this);
  }

  update({ data }) {
    this.settings = data;
    this.watch.connect(data);
  }

  show({ photos, notes }) {
    const signature = JSON.stringify([photos, notes]);
    if (signature === this.signature) return;
    this.signature = signature;
    this.section.hidden = !photos;
    if (photos) this.showPhotos(photos);
    this.notes.hidden = notes.length === 0;
    this.notes.replaceChildren(...notes.map(noteItem));
  }

  // Pictures that are there already stay, or they would flash at every epoch.
  showPhotos({ epoch, cards }) {
    this.epoch.textContent = `after epoch ${epoch}`;
    const figures = cards.map((card, number) => {
      const old = this.cards.children[number];
      const figure = old?.dataset.hash === card.hash ? old : this.newFigure(card);
      fillFigure(figure, card);
      return figure;
    });
    if (figures.some((figure) => !figure.isConnected) || figures.length !== this.cards.children.length) {
      this.cards.replaceChildren(...figures);
    }
  }

  newFigure({ hash }) {
    const figure = document.createElement("figure");
    figure.dataset.hash = hash;
    const image = new Image(this.settings.side_px, this.settings.side_px);
    image.alt = "";
    image.decoding = "sync";
    image.src = `${this.settings.photos_url}/${hash}/${this.settings.side_px}.jpg`;
    const caption = document.createElement("figcaption");
    const verdict = document.createElement("span");
    verdict.className = "bluetit-verdict";
    caption.append(verdict, document.createElement("br"), document.createElement("span"), document.createElement("br"),
      document.createElement("small"));
    figure.append(image, caption);
    return figure;
  }

  destroy() {
    this.watch.end();
  }
}

// Names of classes are text, whatever letters they have.
function fillFigure(figure, { is_right: isRight, verdict, said, truth }) {
  figure.className = `bluetit-said bluetit-said-${isRight ? "right" : "wrong"}`;
  const [mark, answer] = figure.querySelectorAll("span");
  mark.textContent = verdict;
  answer.textContent = said;
  figure.querySelector("small").textContent = truth;
}

function noteItem({ text, is_warning: isWarning }) {
  const item = document.createElement("li");
  item.textContent = isWarning ? `⚠ ${text}` : text;
  if (isWarning) item.className = "bluetit-told-warning";
  return item;
}

export default function render(component) {
  return mount(component, RunPhotos);
}
