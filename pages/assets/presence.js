// Whether somebody holds this page up, came in with the same code, or has let its visitor out. The page loads this script
// once; it asks the server by a long poll as long as the page is in sight, and draws beside Streamlit, not in it.

(() => {
  const ADDRESS = "bluetit/presence";
  const DOOR = "bluetit/door";
  const SEEN = "bluetit.newcomer";
  const IDS = ["bluetit-who", "bluetit-paused", "bluetit-newcomer"]; // of what is drawn
  const RETRY_MILLISECONDS = 2000;
  const DRAW_MILLISECONDS = 100;
  const PAUSE_MILLISECONDS = 50; // from one answer to the next question

  let tag = "";
  let asking = null;
  let shown = {};
  let roomMade = null; // keeps the page's own bar off who I am
  let themeTaken = null; // gives what is drawn the colours of the page, whenever these become others

  async function watch() {
    if (asking || document.hidden) return;
    asking = new AbortController();
    let wait = PAUSE_MILLISECONDS;
    try {
      const answer = await fetch(`${ADDRESS}?since=${tag}`, { signal: asking.signal, cache: "no-store" });
      if (answer.status === 200) {
        const told = await answer.json();
        if (told.state === "common") return; // nobody is asked who they are here, and the question stays open
        if (told.state === "out") return goToDoor();
        if (shown.mark && shown.mark !== told.mark) return location.reload(); // somebody else came in, in another tab
        ({ tag } = told);
        shown = told;
        draw();
      } else if (answer.status === 403) {
        if (shown.mark) goToDoor(); // the browser has forgotten who it is, in another tab
        return; // nobody has come in yet: the page that follows asks anew
      } else if (answer.status !== 304) {
        wait = RETRY_MILLISECONDS;
      }
    } catch {
      wait = RETRY_MILLISECONDS; // the server is away, or the page went out of sight
    }
    asking = null;
    setTimeout(watch, wait);
  }

  function goToDoor() {
    location.replace(doorAddress());
  }

  // The door, from which one comes back to where one is.
  function doorAddress() {
    const here = location.pathname.split("/").pop() + location.search;
    return here ? `${DOOR}?to=${encodeURIComponent(here)}` : DOOR;
  }

  function nameWay(event) {
    event.currentTarget.href = doorAddress();
  }

  function draw() {
    const app = document.querySelector(".stApp");
    if (!app) return void setTimeout(draw, DRAW_MILLISECONDS); // the page is not there yet
    themeTaken ??= new MutationObserver(takeTheme);
    themeTaken.observe(app, { attributeFilter: ["class"] });
    drawName();
    drawPause();
    drawNewcomer();
  }

  // Who I am: the way to my pick-up code and out.
  function drawName() {
    const link = element("a", "bluetit-who", document.body);
    link.href = doorAddress();
    link.addEventListener("pointerdown", nameWay); // pages change the address without loading
    link.addEventListener("focus", nameWay);
    roomMade ??= new ResizeObserver(() => {
      document.documentElement.style.setProperty("--bluetit-who-width", `${link.offsetWidth}px`);
    });
    roomMade.observe(link);
    link.title = "Who I am, my pick-up code, leave";
    link.replaceChildren(span(shown.picture || "👤", "bluetit-who-picture"), span(shown.name, "bluetit-who-name"));
    link.firstChild.setAttribute("aria-hidden", "true");
  }

  // "Eyes to me": a modal dialog is above everything else, which can neither be pressed nor reached by keyboard.
  function drawPause() {
    let dialog = document.querySelector("#bluetit-paused");
    if (shown.paused === null) {
      dialog?.remove();
      return;
    }
    if (!dialog) {
      dialog = element("dialog", "bluetit-paused", document.body);
      dialog.setAttribute("aria-live", "assertive");
      dialog.addEventListener("cancel", (event) => event.preventDefault());
      dialog.addEventListener("close", () => dialog.isConnected && dialog.showModal());
      dialog.append(span("👀", "bluetit-paused-picture"), document.createElement("p"));
    }
    dialog.querySelector("p").textContent = shown.paused;
    if (!dialog.open) dialog.showModal();
  }

  // Another device: said until somebody says that it was theirs.
  function drawNewcomer() {
    const at = shown.newcomer_at;
    let box = document.querySelector("#bluetit-newcomer");
    if (at === null || Number(localStorage.getItem(SEEN)) >= at) {
      box?.remove();
      return;
    }
    box = element("div", "bluetit-newcomer", document.body);
    box.setAttribute("role", "alert");
    const time = new Date(at * 1000).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
    const how = { pupil: "your pick-up code", teacher: "your password" }[shown.kind] ?? "your account";
    const words = document.createElement("p");
    words.textContent = `Another device came in at ${time} with ${how}. Was it you?`;
    const yes = document.createElement("button");
    yes.textContent = "Yes, me";
    yes.addEventListener("click", () => {
      localStorage.setItem(SEEN, String(at));
      box.remove();
    });
    const no = document.createElement("a");
    no.textContent = "No";
    no.href = DOOR;
    box.replaceChildren(words, yes, no);
  }

  function element(tagName, id, parent) {
    const found = document.querySelector(`#${id}`);
    if (found) return found;
    const made = document.createElement(tagName);
    made.id = id;
    parent.append(made);
    takeTheme();
    return made;
  }

  // Streamlit says within its app, and not above it, whether the theme is light or dark.
  function takeTheme() {
    const app = document.querySelector(".stApp");
    if (!app) return;
    const { colorScheme } = getComputedStyle(app);
    for (const id of IDS) {
      const made = document.querySelector(`#${id}`);
      if (made && made.style.colorScheme !== colorScheme) made.style.colorScheme = colorScheme;
    }
  }

  function span(text, className) {
    const made = document.createElement("span");
    made.className = className;
    made.textContent = text;
    return made;
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) asking?.abort();
    else {
      tag = ""; // what was missed is told at once
      watch();
    }
  });
  watch();
})();
