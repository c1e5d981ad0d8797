// The imports of the open dataset that are under way: a bar for each, and a button that stops it. When anything else of
// the dataset has changed, the page is made anew.
class ImportProgress {
  constructor(root) {
    this.list = root.querySelector("ul");
    this.trouble = root.querySelector(".trouble");
    this.rows = new Map(); // by the import's number
    this.watch = new Watch(this, { reports: true });
  }

  update({ data }) {
    this.watch.connect(data);
  }

  show({ imports }) {
    const known = this.rows;
    this.rows = new Map(imports.map(({ id }) => [id, known.get(id) ?? new ImportRow(this, id)]));
    imports.forEach((each) => this.rows.get(each.id).show(each));
    const elements = [...this.rows.values()].map((row) => row.element);
    // Left alone where nothing comes or goes: what has the keyboard's focus would lose it.
    if (elements.length !== this.list.children.length || elements.some((each, at) => each !== this.list.children[at])) {
      this.list.replaceChildren(...elements);
    }
  }

  showTrouble(sentence) {
    setText(this.trouble, sentence);
    this.trouble.hidden = !sentence;
  }

  destroy() {
    this.watch.end();
  }
}

// One import. Its name is text, whatever letters it has.
class ImportRow {
  constructor(progress, id) {
    this.element = document.createElement("li");
    this.words = document.createElement("p");
    this.title = document.createElement("strong");
    this.text = document.createElement("span");
    this.words.append(this.title, " · ", this.text);
    this.track = document.createElement("div");
    this.track.className = "track";
    this.track.setAttribute("role", "progressbar");
    this.track.setAttribute("aria-valuemin", "0");
    this.track.setAttribute("aria-valuemax", "100");
    this.bar = document.createElement("div");
    this.bar.className = "bar";
    this.track.append(this.bar);
    this.stop = document.createElement("button");
    this.stop.type = "button";
    setText(this.stop, "Stop");
    this.stop.addEventListener("click", () => {
      this.stop.disabled = true;
      progress.outbox.send("stop", id);
    });
    this.element.append(this.words, this.stop, this.track);
  }

  show({ title, text, fraction }) {
    setText(this.title, title);
    setText(this.text, text);
    this.stop.setAttribute("aria-label", `Stop ${title}`);
    this.bar.style.translate = `${100 * fraction - 100}%`;
    this.track.setAttribute("aria-label", title);
    this.track.setAttribute("aria-valuenow", Math.round(100 * fraction));
    this.track.setAttribute("aria-valuetext", text);
  }
}

export default function render(component) {
  return mount(component, ImportProgress);
}
