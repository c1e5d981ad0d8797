// A photo's file, or what the camera shows at this moment, to the rectangle that the network sees.

import { HEAD_BYTES, isJpeg, readHead, withPlainColours } from "./jpeg_head.js";
import { fit } from "./resample.js";
import { divisorFor, shrink } from "./shrink.js";

const STRIP_ROWS = 256; // a phone may not have the memory for the pixels of a whole photo more than once
const MAX_PIXELS = 100_000_000;
const FROM_CAMERA = { orientation: 1, hasHalfColours: false };

// Errors whose message is for the person.
export class PhotoError extends Error {}

// An <img> that shows the file, decoded; its address is to be given back with URL.revokeObjectURL.
export async function openImage(file, name) {
  const image = new Image();
  image.src = URL.createObjectURL(await withPlainColours(file));
  try {
    await image.decode();
  } catch (error) {
    URL.revokeObjectURL(image.src);
    throw new PhotoError(
      `This browser cannot read “${name}” as a photo. Photos saved as JPEG, PNG or WebP can be read everywhere.`,
      { cause: error },
    );
  }
  const pixels = image.naturalWidth * image.naturalHeight;
  if (pixels === 0 || pixels > MAX_PIXELS) {
    URL.revokeObjectURL(image.src);
    const found = pixels === 0 ? "is a drawing without a size" : `has ${Math.round(pixels / 1e6)} megapixels`;
    throw new PhotoError(`“${name}” ${found}; photos of at most ${MAX_PIXELS / 1e6} megapixels can be read.`);
  }
  return image;
}

// What the network sees of a photo: its file, and the <img> of it.
export async function squareOf(file, image, input) {
  const head = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
  const source = { width: image.naturalWidth, height: image.naturalHeight, readRows: rowReader(image, image.naturalWidth) };
  if (isJpeg(head)) {
    const divisor = divisorFor(source.width, source.height, input.shortestSide);
    if (divisor > 1) {
      return fit(shrink(source, { divisor, ...readHead(head), stripRows: STRIP_ROWS }), input);
    }
  }
  return fit(wholePicture(source), input);
}

// The same of a moving picture.
export function squareOfVideo(video, input) {
  const { videoWidth: width, videoHeight: height } = video;
  const source = { width, height, readRows: rowReader(video, width) };
  const divisor = divisorFor(width, height, input.shortestSide);
  if (divisor > 1) return fit(shrink(source, { divisor, ...FROM_CAMERA, stripRows: STRIP_ROWS }), input);
  return fit(wholePicture(source), input);
}

// What is transparent is seen on white, as in Bluetit.
function rowReader(drawable, width) {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = STRIP_ROWS;
  const context = canvas.getContext("2d", { willReadFrequently: true, colorSpace: "srgb" });
  context.imageSmoothingEnabled = false;
  return (top, rows) => {
    context.fillStyle = "#fff";
    context.fillRect(0, 0, width, STRIP_ROWS);
    context.drawImage(drawable, 0, -top);
    return context.getImageData(0, 0, width, rows).data;
  };
}

function wholePicture({ width, height, readRows }) {
  const data = new Uint8ClampedArray(width * height * 3);
  let place = 0;
  for (let top = 0; top < height; top += STRIP_ROWS) {
    const pixels = readRows(top, Math.min(STRIP_ROWS, height - top));
    for (let at = 0; at < pixels.length; at += 4) {
      data[place] = pixels[at];
      data[place + 1] = pixels[at + 1];
      data[place + 2] = pixels[at + 2];
      place += 3;
    }
  }
  return { width, height, data };
}

// Whether a canvas gives back the colours that were put in: browsers that hide from trackers may change them.
export function keepsColours() {
  const canvas = document.createElement("canvas");
  const colours = [12, 34, 56, 200, 150, 100];
  [canvas.width, canvas.height] = [2, 1];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  [0, 1].forEach((x) => {
    context.fillStyle = `rgb(${colours.slice(3 * x, 3 * x + 3).join(" ")})`;
    context.fillRect(x, 0, 1, 1);
  });
  const { data } = context.getImageData(0, 0, 2, 1);
  return colours.every((colour, index) => Math.abs(data[index + Math.floor(index / 3)] - colour) <= 2);
}
