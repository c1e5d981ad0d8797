// How far something is that a worker does: a step with its epochs, a bar, what is being done, and some facts.
class RunProgress {
  constructor(root) {
    this.find = (name) => root.querySelector(`.${name}`);
    this.track = this.find("track");
    this.watch = new Watch(this, { reports: true });
  }

  update({ data }) {
    this.watch.connect(data);
  }

  show({ title = "", term = "", epoch = null, num_epochs: numEpochs = null, fraction, text, facts = [] }) {
    this.write("title", title);
    this.write("term", term && `(${term})`);
    this.write("epoch", epoch ?? "");
    this.write("num-epochs", numEpochs ?? "");
    this.write("text", text);
    this.write("facts", facts.join(" · "));
    this.find("step").hidden = !title;
    this.find("epochs").hidden = epoch === null;
    this.find("facts").hidden = facts.length === 0;
    const percent = Math.round(100 * (fraction ?? 0));
    this.find("bar").style.translate = `${100 * (fraction ?? 0) - 100}%`;
    this.track.setAttribute("aria-valuenow", percent);
    this.track.setAttribute("aria-valuetext", `${percent} %, ${text}`);
  }

  showTrouble(sentence) {
    this.write("trouble", sentence);
    this.find("trouble").hidden = !sentence;
  }

  write(name, text) {
    setText(this.find(name), String(text));
  }

  destroy() {
    this.watch.end();
  }
}

export default function render(component) {
  return mount(component, RunProgress);
}
