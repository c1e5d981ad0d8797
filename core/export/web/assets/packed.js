// Files that lie in this page as text: seven bits a character, as `core.export.web.packed` wrote them.

function unpackText(text) {
  const bytes = new Uint8Array(Math.floor((text.length * 7) / 8));
  let held = 0;
  let bits = 0;
  let place = 0;
  for (let index = 0; index < text.length; index += 1) {
    held = ((held << 7) | (text.codePointAt(index) & 0x7f)) & 0xff_ff;
    bits += 7;
    if (bits >= 8) {
      bits -= 8;
      bytes[place] = held >>> bits;
      place += 1;
    }
  }
  return bytes;
}

// The bytes of a file; its text leaves the page, for it takes memory.
export async function takeFile(name) {
  const element = document.querySelector(`#${name}`);
  const bytes = unpackText(element.textContent);
  element.remove();
  if (element.dataset.form !== "gzip") return bytes;
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}
