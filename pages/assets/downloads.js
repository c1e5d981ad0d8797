// A link to a file that is taken away opens a tab, which closes at once. This script, which the page loads once, lets the
// file arrive without one; and where it is gone, the page says so in place of a tab.

(() => {
  const MESSAGE_SECONDS = 8;

  document.addEventListener(
    "click",
    (event) => {
      const link = event.target.closest?.('a[href*="bluetit/files/"]');
      if (!link || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
      event.preventDefault();
      fetchFile(link);
    },
    true,
  );

  async function fetchFile(link) {
    let problem = "The server does not answer. Try again in a moment.";
    if (link.ariaBusy) return; // pressed again while the file is being made
    link.ariaBusy = "true";
    try {
      if ((await fetch(link.href, { method: "HEAD" })).ok) return take(link.href);
      problem = await (await fetch(link.href)).text();
    } catch {
      // the words for it are there already
    } finally {
      link.ariaBusy = null;
    }
    tell(link, problem);
  }

  function take(address) {
    const link = document.createElement("a");
    link.href = address;
    link.download = "";
    link.click();
  }

  function tell(link, problem) {
    const place = link.closest('[data-testid="stLinkButton"]') ?? link.parentElement;
    place.querySelector(".bluetit-download-problem")?.remove();
    const message = document.createElement("div");
    message.className = "bluetit-download-problem";
    message.setAttribute("role", "alert");
    message.textContent = problem;
    place.append(message);
    setTimeout(() => message.remove(), MESSAGE_SECONDS * 1000);
  }
})();
