// What a pupil is told of the teacher. While the class is paused, a curtain lies over the whole page.
class ClassNotice {
  constructor(root) {
    this.find = (name) => root.querySelector(`.${name}`);
    this.curtain = null;
    this.watch = new Watch(this);
  }

  update({ data }) {
    this.watch.connect(data);
  }

  show({ paused, is_looked_at: isLookedAt, warning }) {
    this.find("looking").hidden = !isLookedAt;
    setText(this.find("warning"), warning);
    this.find("warning").hidden = !warning;
    this.draw(paused);
  }

  // A text: nobody goes on; null: they do.
  draw(text) {
    if (text === null) {
      this.raise();
      return;
    }
    if (!this.curtain) {
      this.curtain = makeCurtain();
      document.body.append(this.curtain);
      this.setInert(true);
      this.curtain.focus();
    }
    setText(this.curtain, text);
  }

  raise() {
    if (!this.curtain) return;
    this.curtain.remove();
    this.curtain = null;
    this.setInert(false);
  }

  // Neither mouse nor keyboard reach what lies behind the curtain.
  setInert(isInert) {
    const app = document.querySelector("#root");
    if (app) app.inert = isInert;
  }

  // The pupil was removed, or the class is over: the first page of this address says what to do.
  leave() {
    this.raise();
    window.location.reload();
  }

  destroy() {
    this.raise();
    this.watch.end();
  }
}

function makeCurtain() {
  const curtain = document.createElement("div");
  curtain.className = "bluetit-curtain";
  curtain.setAttribute("role", "alertdialog");
  curtain.setAttribute("aria-live", "assertive");
  curtain.tabIndex = -1;
  Object.assign(curtain.style, {
    position: "fixed",
    inset: "0",
    zIndex: "1000000",
    display: "grid",
    placeItems: "center",
    padding: "2rem",
    background: "rgb(15 23 34 / 86%)",
    color: "#fff",
    font: "650 clamp(1.75rem, 6vw, 3.5rem)/1.25 Source Sans, sans-serif",
    textAlign: "center",
    textWrap: "balance",
    overflowWrap: "anywhere",
  });
  return curtain;
}

export default function render(component) {
  return mount(component, ClassNotice);
}
