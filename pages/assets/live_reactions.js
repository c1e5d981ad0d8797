// What happens on the live camera when a class has been seen for a second, with the switches for it.

class LiveReactions {
  constructor(box, listen) {
    this.find = (selector) => box.querySelector(selector);
    this.show = new ActionShow(this.find(".reaction"));
    this.actions = new Map(); // by label
    this.forget();
    listen(this.find(".reacts"), "change", () => this.forget());
    listen(this.find(".mute"), "click", () => this.turnSound());
    listen(this.find(".reaction"), "click", () => this.end());
    listen(box, "pointerdown", () => this.unlock());
    listen(box, "keydown", () => this.unlock());
  }

  update({ by_label: byLabel, language }) {
    this.actions = new Map(Object.entries(byLabel));
    this.show.language = language;
    this.find(".reacting").hidden = this.actions.size === 0;
    this.find(".mute").hidden = !isAnyHeard(this.actions.values());
  }

  // Browsers let a page make sounds once somebody has touched it.
  unlock() {
    if (this.actions.size > 0) this.show.unlock();
  }

  turnSound() {
    this.show.isMuted = !this.show.isMuted;
    if (this.show.isMuted) this.show.hush();
    this.find(".mute").textContent = this.show.isMuted ? "Sound is off" : "Sound is on";
    this.find(".mute").setAttribute("aria-pressed", this.show.isMuted);
  }

  // `verdict`: what is said of the last half second, with the likeliest class.
  see({ mark }, { label, probability }, at) {
    if (!this.find(".reacts").checked) return;
    const before = shownClass(this.seen);
    this.seen = stepActions(this.seen, { label: mark === "named" ? label : null, share: probability, at });
    const now = shownClass(this.seen);
    if (now !== before) this.show.show(this.actions.get(now) ?? null);
  }

  end() {
    this.seen = { ...this.seen, isOver: true };
    this.show.show(null);
  }

  forget() {
    this.seen = NOTHING_SEEN;
    this.show.show(null);
  }
}
