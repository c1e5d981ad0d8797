// The kiosk itself, as small as there is room for it: its page believes that the screen is large.

const SCREENS = { wide: [1280, 720], upright: [720, 1280] };
const UPRIGHT_SHARE = 0.55; // of the width: a screen that stands upright would be higher than the window

class KioskPreview {
  constructor(root) {
    this.frame = root.querySelector(".screen");
    this.page = root.querySelector("iframe");
    this.buttons = [...root.querySelectorAll("button")];
    this.screen = "wide";
    for (const button of this.buttons) button.addEventListener("click", () => this.turn(button.value));
    this.sight = new ResizeObserver(() => this.fit());
    this.sight.observe(root.querySelector(".preview"));
  }

  update({ data }) {
    if (this.url === data.url) return;
    this.url = data.url;
    this.page.src = data.url;
    this.fit();
  }

  turn(screen) {
    this.screen = screen;
    for (const button of this.buttons) button.setAttribute("aria-pressed", String(button.value === screen));
    this.fit();
  }

  fit() {
    const [width, height] = SCREENS[this.screen];
    const whole = this.frame.parentElement.clientWidth;
    if (whole === 0) return;
    this.frame.style.width = this.screen === "wide" ? "100%" : `${Math.min(100 * UPRIGHT_SHARE, 100)}%`;
    const scale = this.frame.clientWidth / width;
    Object.assign(this.page.style, { width: `${width}px`, height: `${height}px`, transform: `scale(${scale})` });
    this.frame.style.height = `${height * scale + 2 * this.frame.clientTop}px`;
  }

  destroy() {
    this.sight.disconnect();
    this.page.removeAttribute("src");
  }
}

export default function render(component) {
  return mount(component, KioskPreview);
}
