// The line of a run that goes on, in the list of runs: what it is doing, and its accuracy so far as a small curve.
class RunLine {
  constructor(root) {
    this.text = root.querySelector(".bluetit-run-facts span");
    this.curve = root.querySelector(".bluetit-run-facts i");
    this.watch = new Watch(this, { reports: true });
  }

  update({ data }) {
    this.runId = String(data.run_id);
    this.watch.connect(data);
  }

  show({ runs }) {
    const line = runs[this.runId];
    if (!line) return; // it has ended, and the list is about to be made anew
    this.text.textContent = line.text;
    this.curve.hidden = !line.shape;
    this.curve.style.clipPath = line.shape;
    this.curve.setAttribute("aria-label", line.label);
  }

  destroy() {
    this.watch.end();
  }
}

export default function render(component) {
  return mount(component, RunLine);
}
