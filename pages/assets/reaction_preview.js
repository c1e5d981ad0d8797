// What happens at a class, on a small screen: shown when it changes, heard when somebody presses the button.

class ReactionPreview {
  constructor(root) {
    this.find = (selector) => root.querySelector(selector);
    this.show = new ActionShow(this.find(".reaction"));
    this.find(".play").addEventListener("click", () => this.play());
    this.find(".end").addEventListener("click", () => this.show.show(null));
  }

  update({ data: { action, class_name: className, language } }) {
    this.show.language = language;
    setText(this.find(".class"), className);
    const told = JSON.stringify([action, className]);
    if (told === this.told) return;
    this.told = told;
    this.action = action;
    const isThere = Boolean(action.picture || action.sound || action.words || action.colour);
    this.find(".play").disabled = !isThere;
    this.find(".end").disabled = !isThere;
    this.find(".nothing").hidden = isThere;
    this.show.isMuted = true; // nobody has asked to hear it
    this.show.show(isThere ? action : null);
  }

  play() {
    this.show.isMuted = false;
    this.show.unlock();
    this.show.show(this.action);
  }

  destroy() {
    this.show.hush();
  }
}

export default function render(component) {
  return mount(component, ReactionPreview);
}
