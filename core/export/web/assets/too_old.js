/* oxlint-disable no-var, prefer-arrow-callback, func-names -- old browsers, which this is for, know nothing newer */

(function () {
  // A program of one instruction on 16 numbers at once, which the network needs.
  var program = [0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11];
  try {
    // eslint-disable-next-line no-new -- whether it can be made is the question
    new WebAssembly.Module(new Uint8Array(program));
    if (typeof DecompressionStream === "function") return;
  } catch (error) {
    window.whyTooOld = error;
  }
  document.querySelector("#too-old").hidden = false;
  document.documentElement.className = "is-too-old";
})();
