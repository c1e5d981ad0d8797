// What a pupil is told of the teacher; "eyes to me" is told by presence.js.
class ClassNotice {
  constructor(root) {
    this.find = (name) => root.querySelector(`.${name}`);
    this.watch = new Watch(this);
  }

  update({ data }) {
    this.watch.connect(data);
  }

  show({ is_looked_at: isLookedAt, warning }) {
    this.find("looking").hidden = !isLookedAt;
    setText(this.find("warning"), warning);
    this.find("warning").hidden = !warning;
  }

  destroy() {
    this.watch.end();
  }
}

export default function render(component) {
  return mount(component, ClassNotice);
}
