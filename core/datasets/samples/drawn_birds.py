"""Birds, painted part by part: blue tit, crow, great tit and robin, from the side and from the front."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.datasets.samples.drawing import (
    Colour,
    Layer,
    Picture,
    Plane,
    Points,
    Stencil,
    blurred,
    disc,
    mix,
    noise,
    points,
    put,
    ribbon,
    rotated,
    smooth_curve,
    smoothed,
    varied,
)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Pose:
    """Where a bird is and how it holds itself; angles in radians."""

    foot: tuple[float, float]  # pixels: where its feet stand
    scale: float  # pixels per unit
    tilt: float  # of the body; more is more upright
    head_turn: float
    tail_turn: float
    is_mirrored: bool
    is_frontal: bool
    plumpness: float  # 1 is usual
    light: tuple[float, float]  # direction that the light comes from, of length 1, y down


@dataclass(frozen=True, slots=True, kw_only=True)
class PaintedBird:
    """A bird as a layer of a picture."""

    colours: Picture
    cover: Plane


class _Bird:
    """Parts in a bird's own frame, facing right, put into the picture by its pose."""

    def __init__(self, plumage: Plumage, pose: Pose, rng: np.random.Generator) -> None:
        self.plumage = plumage
        self.pose = pose
        self.rng = rng
        self.body = Stencil()
        self.paint = Layer()
        self.details = Layer()  # bill and eyes: not feathered, so not blurred
        self.legs = Layer()  # behind the feathers
        self.below_wing = Stencil()  # where the wing's shadow falls
        self.wing = Stencil()
        # The point of the frame that stands on the perch.
        self._foot = (0.05, 0.72 if pose.is_frontal else 0.82)

    def place(self, corners: Points, *, turn: float = 0.0) -> Points:
        """From the bird's frame to pixels."""
        moved = rotated(corners, turn) - self._foot
        mirror = -1.0 if self.pose.is_mirrored else 1.0
        return moved * (self.pose.scale * mirror, self.pose.scale) + self.pose.foot

    def tilted(self, corners: Points) -> Points:
        """Body parts: stretched to this bird's shape and leaning as the pose says."""
        return self.place(corners * (self.plumage.slimness, self.pose.plumpness), turn=-self.pose.tilt)

    def area(self, corners: Points, colour: Colour, *, is_outline: bool = False) -> None:
        """Feathers of one colour; `is_outline` when they are part of the silhouette."""
        curve = smooth_curve(self.tilted(corners), is_closed=True)
        self.paint.shape(curve, colour)
        if is_outline:
            self.body.shape(curve)


def paint_bird(kind: str, pose: Pose, rng: np.random.Generator) -> PaintedBird:
    """A bird of one of `PLUMAGES`."""
    bird = _Bird(_individual(PLUMAGES[kind], rng), pose, rng)
    _paint_legs(bird)
    if pose.is_frontal:
        _paint_front(bird)
    else:
        _paint_side(bird)
    return _lit(bird)


def _individual(plumage: Plumage, rng: np.random.Generator) -> Plumage:
    """No two birds of a kind have quite the same colours."""
    values = {name: getattr(plumage, name) for name in Plumage.__slots__}
    colours = {name: varied(rng, value, 0.12) for name, value in values.items() if isinstance(value, tuple)}
    return Plumage(**{**values, **colours})


# --- from the side ---------------------------------------------------------------------------------------

_HEAD_CENTRE = (0.78, -0.6)


def _paint_side(bird: _Bird) -> None:
    plumage = bird.plumage
    _paint_tail(bird)
    bird.area(
        points(
            *((-1.02, -0.08), (-0.6, -0.4), (-0.1, -0.56), (0.35, -0.68), (0.75, -0.8), (1.05, -0.5), (1.08, -0.12)),
            *((0.92, 0.25), (0.55, 0.52), (0.05, 0.6), (-0.45, 0.42), (-0.9, 0.14)),
        ),
        plumage.back,
        is_outline=True,
    )
    bird.area(
        points(
            *((0.42, -0.3), (0.8, -0.45), (1.3, -0.4), (1.3, 0.3), (0.6, 0.9), (-0.3, 0.8), (-0.95, 0.22)),
            *((-0.5, 0.2), (0.0, 0.12)),
        ),
        plumage.belly,
    )
    if plumage.breast_reach > 0:
        _paint_breast(bird)
    if plumage.belly_stripe is not None:
        spine = smooth_curve(points((1.12, -0.3), (0.98, 0.1), (0.66, 0.44), (0.2, 0.58)), is_closed=False)
        widths = np.linspace(1.6, 0.7, len(spine)) * plumage.belly_stripe_width
        bird.paint.shape(bird.tilted(ribbon(spine, widths)), plumage.belly_stripe)
    bird.area(points((0.1, -0.5), (0.3, -0.68), (0.58, -0.84), (0.7, -0.5), (0.4, -0.3)), plumage.back, is_outline=True)
    _paint_head(bird)
    _paint_wing(bird)


def _paint_breast(bird: _Bird) -> None:
    plumage = bird.plumage
    low = plumage.breast_reach
    if plumage.breast_edge is not None:
        bird.area(
            points((0.3, -0.75), (0.9, -0.9), (1.4, -0.3), (1.2, low), (0.7, 0.1 + 0.5 * low), (0.34, -0.1)),
            plumage.breast_edge,
        )
    bird.area(
        points((0.45, -0.75), (0.9, -0.9), (1.4, -0.3), (1.25, 0.3), (0.74, 0.5 * low), (0.46, -0.15)), plumage.breast
    )


def _paint_tail(bird: _Bird) -> None:
    plumage, pose = bird.plumage, bird.pose
    length = plumage.tail_length
    feathers = points((-0.7, -0.12), (-0.95 - length, -0.1), (-0.98 - length, 0.1), (-0.85, 0.16))
    outline = bird.tilted(rotated(feathers, pose.tail_turn, around=(-0.8, 0.0)))
    bird.paint.shape(outline, plumage.tail)
    bird.body.shape(outline)
    for row in (-0.06, 0.0, 0.06):
        spine = points((-0.8, row * 0.4), (-0.95 - length, row))
        line = ribbon(rotated(spine, pose.tail_turn, around=(-0.8, 0.0)), np.array([0.015, 0.03]))
        bird.paint.shape(bird.tilted(line), mix(plumage.tail, plumage.wing_edge, 0.5))


def _paint_wing(bird: _Bird) -> None:
    plumage, rng = bird.plumage, bird.rng
    drop = 0.1 * rng.random()
    corners = points(
        *((0.5, -0.22), (0.3, -0.42), (-0.2, -0.42), (-0.8, -0.2), (-1.35, 0.02 + drop), (-0.95, 0.16 + drop)),
        *((-0.3, 0.24 + drop), (0.25, 0.16)),
    )
    curve = smooth_curve(bird.tilted(corners), is_closed=True)
    bird.below_wing.shape(curve + np.array((0.0, 0.09 * bird.pose.scale)))
    bird.wing.shape(curve)
    bird.paint.shape(curve, plumage.wing)
    bird.body.shape(curve)
    for number in range(6):
        share = number / 5
        start = (0.05 - 0.35 * share, -0.1 + 0.2 * (1 - share) + drop * share)
        spine = points(start, (-0.6 - 0.1 * share, 0.18 - 0.26 * share + drop), (-1.2, 0.1 - 0.1 * share + drop))
        line = ribbon(smooth_curve(spine, is_closed=False), np.linspace(0.045, 0.012, 12))
        bird.paint.shape(bird.tilted(line), mix(plumage.wing, plumage.wing_edge, 0.5 + 0.5 * share))
    coverts = points((0.5, -0.2), (0.3, -0.4), (-0.2, -0.4), (-0.28, -0.1), (0.0, 0.12), (0.3, 0.12))
    bird.area(coverts, mix(plumage.wing, plumage.back, 0.4))
    if plumage.wing_bar is not None:
        bar = smooth_curve(points((-0.3, -0.22), (-0.12, 0.0), (0.14, 0.16)), is_closed=False)
        bird.paint.shape(bird.tilted(ribbon(bar, np.full(len(bar), 0.08))), plumage.wing_bar)


def _paint_head(bird: _Bird) -> None:
    plumage, pose = bird.plumage, bird.pose
    body_turn = pose.tilt * 0.75  # the head stays level while the body leans
    size = 0.5 * plumage.head_size

    def head(corners: Points) -> Points:
        level = rotated(corners * size, body_turn + pose.head_turn)
        return bird.tilted(level / (plumage.slimness, pose.plumpness) + np.array(_HEAD_CENTRE))

    def area(corners: Points, colour: Colour) -> None:
        bird.paint.shape(smooth_curve(head(corners), is_closed=True), colour)

    outline = points(
        *((-0.95, 0.25), (-0.86, -0.4), (-0.4, -0.84), (0.2, -0.9), (0.7, -0.6), (0.95, -0.1), (0.85, 0.35)),
        *((0.5, 0.75), (-0.1, 0.95), (-0.7, 0.8)),
    )
    bird.body.shape(smooth_curve(head(outline), is_closed=True))
    area(outline, plumage.face)
    # Bib, cheek, crown, eye line: each on top of the one before.
    area(points((0.95, 0.05), (0.95, 0.5), (0.75, 1.1), (0.2, 1.15), (0.1, 0.85), (0.5, 0.45)), plumage.throat)
    area(points((0.45, 0.15), (0.35, 0.55), (-0.1, 0.72), (-0.62, 0.55), (-0.55, 0.1), (-0.1, -0.02)), plumage.cheek)
    area(
        points((0.8, -0.42), (0.1, -0.5), (-0.5, -0.35), (-1.0, 0.1), (-1.2, -0.5), (-0.4, -1.1), (0.5, -1.0)),
        plumage.crown,
    )
    if plumage.eye_line is not None:
        line = smooth_curve(points((0.95, -0.02), (0.4, -0.1), (-0.3, -0.1), (-0.95, 0.15)), is_closed=False)
        bird.paint.shape(head(ribbon(line, np.full(len(line), plumage.eye_line_width / size))), plumage.eye_line)
        collar = smooth_curve(points((-0.9, 0.0), (-0.8, 0.5), (-0.3, 0.88), (0.5, 0.95)), is_closed=False)
        bird.paint.shape(head(ribbon(collar, np.full(len(collar), 0.2))), plumage.eye_line)
    _paint_bill_and_eye(bird, head, size)


def _paint_bill_and_eye(bird: _Bird, head: Callable[[Points], Points], size: float) -> None:
    plumage = bird.plumage
    depth, length = plumage.bill_depth / size, plumage.bill_length / size
    upper = points(
        (0.8, -0.5 * depth), (0.86 + 0.6 * length, -0.4 * depth), (0.86 + length, 0.28 * depth), (0.8, 0.15 * depth)
    )
    lower = points((0.8, 0.1 * depth), (0.86 + length * 0.92, 0.3 * depth), (0.8, 0.62 * depth))
    bird.details.shape(head(lower), mix(plumage.bill, (0, 0, 0), 0.3))
    bird.details.shape(head(upper), mix(plumage.bill, (150, 150, 155), 0.15))
    bird.details.shape(head(disc((0.36, -0.12), 0.16)), (14, 12, 12))
    bird.details.shape(head(disc((0.41, -0.18), 0.05)), (236, 240, 244))


# --- from the front --------------------------------------------------------------------------------------


def _paint_front(bird: _Bird) -> None:
    plumage = bird.plumage
    width = 0.62 * bird.pose.plumpness
    tail = 1.05 + 0.45 * plumage.tail_length
    bird.area(points((-0.14, 0.6), (0.14, 0.6), (0.16, tail), (-0.16, tail)), plumage.tail, is_outline=True)
    egg = points((0.0, -0.8), (0.5, -0.62), (0.95, -0.1), (1.0, 0.42), (0.6, 0.86), (0.0, 1.0))
    outline = np.concatenate([egg, egg[-2:0:-1] * (-1, 1)]) * (width, 1)
    bird.area(outline, plumage.back, is_outline=True)
    bird.area(outline * (0.88, 0.97), plumage.belly)
    if plumage.breast_reach > 0:
        bib = points((0.0, -0.9), (0.8, -0.8), (1.0, -0.2), (0.7, 0.1 + 0.4 * plumage.breast_reach), (0.0, 0.5))
        shape = np.concatenate([bib, bib[-2:0:-1] * (-1, 1)]) * (width, 1)
        if plumage.breast_edge is not None:
            bird.area(shape * (1.05, 1.12), plumage.breast_edge)
        bird.area(shape * (0.86, 0.98), plumage.breast)
    if plumage.belly_stripe is not None:
        spine = points((0.0, -0.6), (0.02, 0.0), (-0.01, 0.45), (0.0, 0.85))
        widths = np.linspace(1.9, 0.8, 4) * plumage.belly_stripe_width
        bird.paint.shape(bird.tilted(ribbon(spine, widths)), plumage.belly_stripe)
    for side in (-1.0, 1.0):
        wing = points((0.62, -0.5), (0.98, -0.15), (1.04, 0.35), (0.86, 0.9), (0.84, 0.4), (0.78, -0.1))
        bird.area(wing * (side * width, 1), plumage.wing, is_outline=True)
        if plumage.wing_bar is not None:
            bar = points((0.84, 0.02), (1.0, -0.06), (1.02, 0.04), (0.86, 0.12))
            bird.area(bar * (side * width, 1), plumage.wing_bar)
    _paint_face(bird)


def _paint_face(bird: _Bird) -> None:
    plumage = bird.plumage
    size = 0.5 * plumage.head_size
    aside = 0.5 * np.sin(bird.pose.head_turn * 2.5)  # how far the bill points to one side, in head radii

    def head(corners: Points) -> Points:
        return bird.tilted(rotated(corners * size, bird.pose.head_turn * 0.5) + np.array((0.0, -0.84)))

    def area(corners: Points, colour: Colour) -> None:
        bird.paint.shape(smooth_curve(head(corners), is_closed=True), colour)

    outline = disc((0.0, 0.0), 1.0, flatness=0.94)
    bird.body.shape(head(outline))
    area(outline, plumage.face)
    chin = points((-0.34 + aside, 0.42), (aside, 0.2), (0.34 + aside, 0.42), (0.4, 0.9), (0.0, 1.1), (-0.4, 0.9))
    area(chin, plumage.throat)
    for side in (-1.0, 1.0):
        cheek = points((0.36, 0.1), (0.7, -0.02), (0.98, 0.2), (0.8, 0.7), (0.45, 0.62))
        area(cheek * (side, 1) + (aside * 0.6, 0.0), plumage.cheek)
    area(
        points(
            (-1.1, -0.25),
            (-0.5, -0.36),
            (aside, -0.44),
            (0.5, -0.36),
            (1.1, -0.25),
            (0.8, -0.95),
            (0, -1.2),
            (-0.8, -0.95),
        ),
        plumage.crown,
    )
    if plumage.eye_line is not None:
        line = points((-1.05, 0.08), (-0.5 + aside * 0.6, -0.1), (aside, 0.04), (0.5 + aside * 0.6, -0.1), (1.05, 0.08))
        curve = smooth_curve(line, is_closed=False)
        bird.paint.shape(head(ribbon(curve, np.full(len(curve), plumage.eye_line_width / size))), plumage.eye_line)
    depth, length = plumage.bill_depth / size, plumage.bill_length / size
    reach = aside * (0.6 + length)
    bird.details.shape(
        head(points((aside - depth, 0.0), (aside, -0.7 * depth), (aside + depth, 0.0), (reach, 0.5 * length + depth))),
        plumage.bill,
    )
    for side in (-1.0, 1.0):
        x = side * 0.5 + aside * 0.6
        bird.details.shape(head(disc((x, -0.1), 0.145)), (14, 12, 12))
        bird.details.shape(head(disc((x + 0.04, -0.15), 0.045)), (236, 240, 244))


# --- both ------------------------------------------------------------------------------------------------


def _paint_legs(bird: _Bird) -> None:
    legs, colour = bird.legs, bird.plumage.legs
    for side in (-0.13, 0.13):
        # From the belly to the perch, in the bird's units around the point it stands on.
        leg = points((side, -0.55), (side + 0.03, -0.2), (side, 0.0))
        legs.shape(ribbon(leg, np.array([0.1, 0.07, 0.07])) * bird.pose.scale + bird.pose.foot, colour)
        for reach in (-0.12, 0.06, 0.16):
            claw = ribbon(points((side, 0.0), (side + reach, 0.06)), np.array([0.07, 0.04]))
            legs.shape(claw * bird.pose.scale + bird.pose.foot, colour)


def _lit(bird: _Bird) -> PaintedBird:
    """Feathers get a texture, the body gets its roundness from the light."""
    scale, light = bird.pose.scale, bird.pose.light
    # Patches of colour are blurred into each other, the silhouette stays sharp.
    feathers, _ = bird.paint.flatten(blur_px=max(0.5, 0.02 * scale))
    cover = bird.body.flatten()
    streaks = noise(bird.rng, 110, 26) + 0.6 * noise(bird.rng, 60, 110)
    roundness = smoothed(cover, 0.3 * scale)
    down: Plane = np.gradient(roundness, axis=0)
    right: Plane = np.gradient(roundness, axis=1)
    # The slope points inwards: where it points away from the light, the surface faces the light.
    shade = np.clip((right * light[0] + down * light[1]) * scale, -1, 1)
    below_wing = blurred(bird.below_wing.flatten(), 0.05 * scale) * (1 - bird.wing.flatten())
    brightness = (1 + 0.085 * streaks) * (0.92 - 0.42 * shade) * (1 - 0.35 * below_wing)
    shine = np.clip(-shade - 0.15, 0, 1) * 255 * (0.04 + bird.plumage.gloss)
    lit_feathers = feathers * brightness[..., np.newaxis] + shine[..., np.newaxis] * np.array(
        [0.8, 0.9, 1.0], np.float32
    )
    legs, legs_cover = bird.legs.flatten()
    details, details_cover = bird.details.flatten()
    colours = put(put(legs, lit_feathers, cover), details, details_cover)
    return PaintedBird(
        colours=colours.astype(np.float32), cover=np.maximum(np.maximum(cover, legs_cover), details_cover)
    )
