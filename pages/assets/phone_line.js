// A line for each class into which phones may send photos now: how many have come, how long it stays open.
class PhoneLine {
  constructor(root) {
    this.list = root.querySelector("ul");
    this.trouble = root.querySelector(".trouble");
    this.watch = new Watch(this);
  }

  update({ data }) {
    this.watch.connect(data);
  }

  show({ links }) {
    while (this.list.children.length > links.length) this.list.lastElementChild.remove();
    while (this.list.children.length < links.length) this.list.append(newLine());
    links.forEach((link, place) => {
      const [name, text] = this.list.children[place].children;
      setText(name, `Phones → “${link.class}”`);
      setText(text, link.text);
    });
  }

  showTrouble(sentence) {
    setText(this.trouble, sentence);
    this.trouble.hidden = !sentence;
  }

  destroy() {
    this.watch.end();
  }
}

function newLine() {
  const line = document.createElement("li");
  const text = document.createElement("span");
  text.className = "text";
  line.append(document.createElement("strong"), text);
  return line;
}

export default function render(component) {
  return mount(component, PhoneLine);
}
