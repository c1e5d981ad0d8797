// When a server between the browser and Bluetit refuses a file, Streamlit shows its library's words for it: "AxiosError:
// Request failed with status code 413". This script, which the page loads once, puts words in their place that help.

(() => {
  const refusal = /^(?:AxiosError: )?(?:Request failed with status code (\d{3})|Network Error|timeout of \d+ ?ms exceeded)$/u;
  const ask = "Ask whoever runs it, or see docs/deployment.md.";

  function wordsFor(status) {
    switch (status) {
      case 413:
        return `The server in front of Bluetit refuses files of this size (413). Send smaller files, or have its limit raised. ${ask}`;
      case 401:
      case 403:
        return `The server did not accept the file (${status}). Load the page anew and try again.`;
      case 429:
        return "Many are sending files at this moment. Wait a moment, then send this one again; nothing else is lost.";
      case 408:
      case 502:
      case 503:
      case 504:
        return `The server in front of Bluetit did not get an answer in time (${status}). Try again in a moment. ${ask}`;
      case undefined:
        return `The connection was cut while the file was sent. Try again; if it stays so, a server in front of Bluetit may refuse files of this size. ${ask}`;
      default:
        return `A server refused the file (${status}). Load the page anew and try again. ${ask}`;
    }
  }

  // Only the text within the node changes: React keeps the node itself.
  function reword(node) {
    const found = node.data.trim().match(refusal);
    if (found) node.data = wordsFor(found[1] && Number(found[1]));
  }

  function rewordBelow(root) {
    if (root.nodeType === Node.TEXT_NODE) return reword(root);
    const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) reword(walker.currentNode);
  }

  new MutationObserver((changes) => {
    for (const change of changes) {
      if (change.type === "characterData") reword(change.target);
      change.addedNodes.forEach(rewordBelow);
    }
  }).observe(document.documentElement, { childList: true, characterData: true, subtree: true });
})();
