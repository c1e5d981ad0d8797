"""A bird seen from the side, painted part by part."""

from collections.abc import Callable

import numpy as np

from core.datasets.samples.bird_body import BirdBody
from core.datasets.samples.drawing import Colour, Points, disc, mix, points, ribbon, rotated, smooth_curve

_HEAD_CENTRE = (0.78, -0.6)


def paint_from_side(bird: BirdBody) -> None:
    """Paint all but the legs."""
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


def _paint_breast(bird: BirdBody) -> None:
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


def _paint_tail(bird: BirdBody) -> None:
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


def _paint_wing(bird: BirdBody) -> None:
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


def _paint_head(bird: BirdBody) -> None:
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


def _paint_bill_and_eye(bird: BirdBody, head: Callable[[Points], Points], size: float) -> None:
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
