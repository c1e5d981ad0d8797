"""Faces made so that nobody can be told by them."""

from collections.abc import Iterable

from PIL import Image, ImageDraw

from core.faces.detector import Face, FaceDetector

# What is covered is larger than the box by this share of it on each side: hair, chin and ears belong to a face.
_MARGIN = 0.3
# So few values are left of a face in each direction; nothing can be computed back from them.
_NUM_KEPT = 5


class FaceCover:
    """Blurs the faces of each photo that it is given; safe to use from any number of threads."""

    def __init__(self) -> None:
        self._detector = FaceDetector()

    def __call__(self, image: Image.Image) -> Image.Image:
        """The photo with its faces blurred; the same object where none is found. The photo is RGB."""
        return blur_faces(image, self._detector.find(image))


def blur_faces(image: Image.Image, faces: Iterable[Face]) -> Image.Image:
    """The photo with an oval of a few soft colours over each face; the same object where there is none.

    Args:
        image: RGB.
        faces: as the detector found them in it.
    """
    blurred = image
    for face in faces:
        box = _box(face, image.size)
        if box is None:
            continue
        size = (box[2] - box[0], box[3] - box[1])
        few = image.crop(box).resize((min(_NUM_KEPT, size[0]), min(_NUM_KEPT, size[1])), Image.Resampling.BOX)
        oval = Image.new("L", size)
        ImageDraw.Draw(oval).ellipse((0, 0, size[0] - 1, size[1] - 1), fill=255)
        if blurred is image:
            blurred = image.copy()
        soft = few.resize(size, Image.Resampling.BICUBIC)
        blurred.paste(soft, box[:2], oval)
    return blurred


def _box(face: Face, size: tuple[int, int]) -> tuple[int, int, int, int] | None:
    """What is covered of a photo of this size: left, top, right, bottom in pixels; None: nothing."""
    x_margin, y_margin = _MARGIN * (face.right - face.left), _MARGIN * (face.bottom - face.top)
    left, top = max(int(face.left - x_margin), 0), max(int(face.top - y_margin), 0)
    right, bottom = min(int(face.right + x_margin) + 1, size[0]), min(int(face.bottom + y_margin) + 1, size[1])
    return (left, top, right, bottom) if right > left and bottom > top else None
