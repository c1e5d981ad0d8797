"""A bird seen from the front, painted part by part."""

import numpy as np

from core.datasets.samples.bird_body import BirdBody
from core.datasets.samples.drawing import Colour, Points, disc, points, ribbon, rotated, smooth_curve


def paint_from_front(bird: BirdBody) -> None:
    """Paint all but the legs."""
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


def _paint_face(bird: BirdBody) -> None:
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
