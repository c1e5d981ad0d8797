"""What each kind of bird looks like: blue tit, crow, great tit and robin."""

from dataclasses import dataclass

from core.datasets.samples.drawing import Colour


@dataclass(frozen=True, slots=True, kw_only=True)
class Plumage:
    """What one kind of bird looks like; lengths in halves of a small bird's body."""

    back: Colour
    belly: Colour
    breast: Colour
    throat: Colour  # chin and bib
    crown: Colour
    face: Colour  # round the eye
    cheek: Colour
    wing: Colour
    wing_edge: Colour  # the light edges of the flight feathers
    wing_bar: Colour | None
    tail: Colour
    bill: Colour = (38, 36, 38)
    legs: Colour = (78, 62, 56)
    eye_line: Colour | None = None
    eye_line_width: float = 0.0
    belly_stripe: Colour | None = None
    belly_stripe_width: float = 0.0
    breast_edge: Colour | None = None  # a band between breast and back
    breast_reach: float = 0.0  # how far the breast's colour reaches down, 0-1
    head_size: float = 1.0
    bill_length: float = 0.3
    bill_depth: float = 0.13
    tail_length: float = 0.8
    slimness: float = 1.0  # length of the body divided by a tit's
    gloss: float = 0.0


PLUMAGES: dict[str, Plumage] = {
    "blue tit": Plumage(
        back=(118, 136, 92),
        belly=(232, 206, 72),
        breast=(234, 210, 84),
        throat=(34, 40, 64),
        crown=(66, 122, 196),
        face=(240, 240, 236),
        cheek=(242, 243, 240),
        wing=(62, 104, 160),
        wing_edge=(128, 166, 204),
        wing_bar=(238, 240, 240),
        tail=(60, 104, 166),
        eye_line=(28, 34, 58),
        eye_line_width=0.11,
        belly_stripe=(96, 98, 74),
        belly_stripe_width=0.05,
        head_size=1.06,
        bill_length=0.2,
        tail_length=0.7,
    ),
    "crow": Plumage(
        back=(40, 41, 48),
        belly=(34, 34, 40),
        breast=(38, 38, 45),
        throat=(32, 32, 38),
        crown=(36, 37, 46),
        face=(30, 30, 36),
        cheek=(36, 36, 43),
        wing=(36, 39, 52),
        wing_edge=(72, 80, 102),
        wing_bar=None,
        tail=(32, 34, 44),
        bill=(30, 30, 33),
        legs=(30, 29, 31),
        head_size=0.86,
        bill_length=0.56,
        bill_depth=0.24,
        tail_length=0.9,
        slimness=1.22,
        gloss=0.16,
    ),
    "great tit": Plumage(
        back=(112, 124, 74),
        belly=(226, 204, 78),
        breast=(228, 208, 84),
        throat=(26, 28, 34),
        crown=(24, 27, 36),
        face=(26, 29, 36),
        cheek=(244, 244, 240),
        wing=(94, 108, 124),
        wing_edge=(160, 172, 180),
        wing_bar=(232, 234, 232),
        tail=(80, 94, 112),
        belly_stripe=(28, 29, 33),
        belly_stripe_width=0.2,
        bill_length=0.27,
        tail_length=0.85,
        slimness=1.06,
    ),
    "robin": Plumage(
        back=(122, 104, 78),
        belly=(226, 220, 208),
        breast=(214, 100, 38),
        throat=(216, 104, 40),
        crown=(118, 100, 74),
        face=(212, 100, 40),
        cheek=(210, 98, 38),
        wing=(112, 92, 68),
        wing_edge=(150, 128, 98),
        wing_bar=None,
        tail=(110, 88, 64),
        breast_edge=(152, 160, 168),
        breast_reach=0.62,
        legs=(112, 78, 60),
        bill_length=0.26,
        bill_depth=0.1,
        head_size=1.04,
    ),
}
