// Text as large as its place allows, in any script.

const FIT_STEPS = 8;

// `width` and `height`: of the place; `least` and `most`: of the letters; all in CSS pixels. Words are broken only where
// one of them is wider than the place even in the smallest letters.
function fitText(element, { width, height, least, most }) {
  const fits = (size) => {
    element.style.fontSize = `${size}px`;
    return element.scrollHeight <= height && element.scrollWidth <= width;
  };
  Object.assign(element.style, { maxWidth: `${width}px`, maxHeight: "none" });
  element.classList.remove("may-break");
  let [low, high] = [least, most];
  if (!fits(least)) element.classList.add("may-break");
  if (fits(most)) low = most;
  for (let step = 0; step < FIT_STEPS && high - low > 1; step += 1) {
    const middle = (low + high) / 2;
    if (fits(middle)) low = middle;
    else high = middle;
  }
  element.style.fontSize = `${low}px`;
  element.style.maxHeight = `${Math.max(height, 1.3 * low)}px`;
}
