// Whether something moves before the camera, and where: looked at in a picture of a few hundred pixels, here in the
// browser, which forgets it at once.

const MOTION_WIDTH = 40;
const MOTION_HEIGHT = 24;
const CHANGED_BY = 28; // of 255: more than the noise of a camera in a dim room
const MOVED_SHARE = 0.012; // of all pixels

// Pure: which share of the pixels differs, and where their middle is, -1 to 1 in both directions. `before` and `now`: red,
// green, blue and alpha of each pixel.
function motionBetween(before, now, width = MOTION_WIDTH) {
  let [changed, across, down] = [0, 0, 0];
  const count = now.length / 4;
  for (let pixel = 0; pixel < count; pixel += 1) {
    const place = 4 * pixel;
    const difference = Math.abs(before[place] - now[place]) + Math.abs(before[place + 1] - now[place + 1]) + Math.abs(before[place + 2] - now[place + 2]);
    if (difference >= 3 * CHANGED_BY) {
      changed += 1;
      across += pixel % width;
      down += Math.floor(pixel / width);
    }
  }
  if (changed === 0) return { share: 0, x: 0, y: 0 };
  const height = count / width;
  return { share: changed / count, x: (2 * across) / changed / (width - 1) - 1, y: (2 * down) / changed / (height - 1) - 1 };
}

class MotionWatch {
  constructor() {
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [MOTION_WIDTH, MOTION_HEIGHT];
    this.pen = canvas.getContext("2d", { willReadFrequently: true });
    this.before = null;
  }

  // Since the picture before: whether something has moved, and where it was.
  look(video) {
    this.pen.drawImage(video, 0, 0, MOTION_WIDTH, MOTION_HEIGHT);
    const now = this.pen.getImageData(0, 0, MOTION_WIDTH, MOTION_HEIGHT).data;
    const motion = this.before === null ? { share: 0, x: 0, y: 0 } : motionBetween(this.before, now);
    this.before = now;
    return { ...motion, hasMoved: motion.share >= MOVED_SHARE };
  }

  forget() {
    this.before = null;
  }
}
