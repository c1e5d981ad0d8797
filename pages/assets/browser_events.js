const CHECK_MILLISECONDS = 500;
// A box that React has replaced may still be about to report what it has.
const SETTLED_MILLISECONDS = 2000;
const MAX_ATTEMPTS = 3;
const MARK = "\u2063"; // invisible; no name has it. The same stands in `pages/widgets/uploading.py`.
const OVERSIZED_MILLISECONDS = 1000;
const UPLOAD_PATH = "/_stcore/upload_file/";

// Files that were put into a box and of which Python has not said that it has them; kept when React rebuilds the
// component.
let given = [];
const attempts = new WeakMap(); // how often each file was put into a box
const crossedOut = new Map(); // how many of each file Python is known to have, by box, name and size
let numArrived = 0; // since there were none on their way

// Pictures and links pasted anywhere on the page, and files on their way through the page's boxes.
class BrowserEvents {
  constructor(root) {
    this.count = root.querySelector(".count");
    this.listeners = new AbortController();
    this.listen("paste", (event) => this.onPaste(event));
    this.listen("change", (event) => this.onChange(event), true);
    this.listen("drop", (event) => this.onDrop(event), true);
    this.listen("click", (event) => this.onClick(event), true);
    this.timer = setInterval(() => this.check(), CHECK_MILLISECONDS);
    this.arrivals = new PerformanceObserver((list) => this.onArrived(list.getEntries()));
    this.arrivals.observe({ type: "resource" });
  }

  listen(kind, listener, capture = false) {
    document.addEventListener(kind, listener, { capture, signal: this.listeners.signal });
  }

  update({ data }) {
    this.data = data;
    this.check();
  }

  // --- the clipboard ---

  async onPaste(event) {
    const files = [...event.clipboardData.files];
    const link = event.clipboardData.getData("text/plain").trim();
    if (files.length > 0) {
      event.preventDefault();
      let budget = this.data.max_pasted_bytes;
      const photos = files.map(async (file) => {
        budget -= file.size;
        const content = budget >= 0 ? await asBase64(file) : null;
        return { name: file.name, size: file.size, content };
      });
      this.outbox.send("pasted", { photos: await Promise.all(photos) });
    } else if (!isTyping() && /^(https?:\/\/|data:image\/)\S+$/iu.test(link) && link.length < 2 * this.data.max_pasted_bytes) {
      this.outbox.send("pasted", { photos: [], link });
    }
  }

  // --- files ---

  onChange(event) {
    if (event.target.type === "file") this.onGiven(event.target, [...event.target.files]);
  }

  onDrop(event) {
    const items = [...(event.dataTransfer?.items ?? [])];
    if (items.some((item) => item.webkitGetAsEntry?.()?.isDirectory)) return; // what is in there shows later
    this.onGiven(event.target, [...(event.dataTransfer?.files ?? [])]);
  }

  onGiven(target, files) {
    const uploader = target.closest?.('[data-testid="stFileUploader"]');
    const input = uploader?.querySelector("input[type=file]");
    if (!input) return;
    // Boxes that say which kinds they accept are for archives, which may be larger.
    if (!input.accept) this.reportOversized(files);
    const place = this.placeOf(uploader);
    if (!place) return;
    const isForPhotos = !input.accept && !input.webkitdirectory;
    for (const file of files) {
      if (!isAccepted(file, input, this.data.max_upload_bytes)) continue;
      attempts.set(file, (attempts.get(file) ?? 0) + 1);
      given.push({ file, name: file.webkitRelativePath || file.name, uploader, isForPhotos, ...place });
    }
    this.show();
  }

  reportOversized(files) {
    const oversized = files
      .filter((file) => file.size > this.data.max_upload_bytes)
      .map(({ name, size }) => ({ name, size }));
    if (oversized.length === 0) return;
    // Not at once: the page that is made for the report would forget a good photo whose upload has only begun.
    setTimeout(() => this.outbox.send("oversized", oversized), OVERSIZED_MILLISECONDS);
  }

  // Which of the page's boxes this is, and the how-manieth since its place was first filled.
  placeOf(uploader) {
    for (const { class_prefix: prefix } of this.data.boxes) {
      const name = [...(uploader.closest(`[class*="${prefix}"]`)?.classList ?? [])]
        .find((each) => each.startsWith(prefix));
      if (name) return { prefix, generation: Number(name.slice(prefix.length)) };
    }
    return null;
  }

  // Whoever takes a file out of a box does not want it.
  onClick(event) {
    const chip = event.target.closest?.('[data-testid="stFileChipDeleteBtn"]')?.closest('[data-testid="stFileChip"]');
    const uploader = chip?.closest('[data-testid="stFileUploader"]');
    if (!uploader) return;
    const index = given.findIndex((entry) => entry.uploader === uploader && chip.textContent.includes(entry.name));
    if (index >= 0) given.splice(index, 1);
  }

  onArrived(entries) {
    if (given.length === 0) return;
    const isDone = ({ name, responseStatus: status }) => name.includes(UPLOAD_PATH) && (!status || status < 300);
    numArrived += entries.filter(isDone).length;
    this.show();
  }

  // Crosses out what Python has, and gives to the new box what was lost with the old one.
  check() {
    const received = new Map();
    for (const { class_prefix: prefix, received: boxes } of this.data.boxes) {
      for (const [generation, files] of Object.entries(boxes)) {
        files.forEach(([name, size]) => add(received, keyOf(prefix, Number(generation), name, size)));
      }
    }
    const lost = [];
    given = given.filter((entry) => {
      const key = keyOf(entry.prefix, entry.generation, entry.name, entry.file.size);
      if ((crossedOut.get(key) ?? 0) < (received.get(key) ?? 0)) {
        add(crossedOut, key);
        return false;
      }
      if (this.isShown(entry) && !entry.uploader.isConnected) {
        entry.goneAt ??= performance.now();
        if (performance.now() - entry.goneAt > SETTLED_MILLISECONDS) lost.push(entry);
      }
      return true;
    });
    if (lost.length > 0 && isPageAtRest()) this.giveAgain(lost);
    if (given.length === 0) numArrived = 0;
    this.show();
  }

  giveAgain(lost) {
    given = given.filter((entry) => !lost.includes(entry));
    const hopeless = lost.filter(({ file }) => attempts.get(file) >= MAX_ATTEMPTS);
    if (hopeless.length > 0) this.outbox.send("lost", hopeless.map(({ name }) => name));
    for (const { class_prefix: prefix } of this.data.boxes) {
      const files = lost.filter((entry) => entry.prefix === prefix && !hopeless.includes(entry));
      if (files.length === 0) continue;
      const input = document.querySelector(`[class*="${prefix}"] input[type=file]`);
      if (!input) { // its tab or page is not there now
        given.push(...files);
        continue;
      }
      const transfer = new DataTransfer();
      files.forEach((entry) => transfer.items.add(markedCopy(entry)));
      input.files = transfer.files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
    }
  }

  isShown(entry) {
    return this.data.boxes.some(({ class_prefix: prefix }) => prefix === entry.prefix);
  }

  show() {
    const shown = given.filter((entry) => this.isShown(entry));
    const isMany = shown.length > 1;
    const noun = shown.every((entry) => entry.isForPhotos) ? "photos" : "files";
    const text = isMany ? `${Math.min(numArrived, shown.length)} of ${shown.length} ${noun} arrived` : "";
    setText(this.count, text);
    this.count.hidden = !isMany;
  }

  destroy() {
    this.listeners.abort();
    this.arrivals.disconnect();
    clearInterval(this.timer);
  }
}

// The file under a name that says from which box it was lost: Python knows whether that box had handed it over after all.
function markedCopy({ file, generation }) {
  const copy = new File([file], `${MARK}${generation}${MARK}${file.name}`, { type: file.type });
  attempts.set(copy, attempts.get(file));
  return copy;
}

function keyOf(...parts) {
  return JSON.stringify(parts);
}

function add(counts, key) {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

function isTyping() {
  return ["INPUT", "TEXTAREA"].includes(document.activeElement?.tagName);
}

function isAccepted(file, input, maxUploadBytes) {
  if (!input.accept) return file.size <= maxUploadBytes;
  return input.accept.split(",").some((ending) => file.name.toLowerCase().endsWith(ending.trim().toLowerCase()));
}

export default function render(component) {
  return mount(component, BrowserEvents);
}
