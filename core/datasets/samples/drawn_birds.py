"""Birds as layers of a picture: painted from the side or from the front, on their legs, and lit."""

from dataclasses import dataclass

import numpy as np

from core.datasets.samples.bird_body import BirdBody, Pose
from core.datasets.samples.bird_from_front import paint_from_front
from core.datasets.samples.bird_from_side import paint_from_side
from core.datasets.samples.drawing import Picture, Plane, blurred, noise, points, put, ribbon, smoothed, varied
from core.datasets.samples.plumages import PLUMAGES, Plumage


@dataclass(frozen=True, slots=True, kw_only=True)
class PaintedBird:
    """A bird as a layer of a picture."""

    colours: Picture
    cover: Plane


def paint_bird(kind: str, pose: Pose, rng: np.random.Generator) -> PaintedBird:
    """A bird of one of `PLUMAGES`."""
    bird = BirdBody(_individual(PLUMAGES[kind], rng), pose, rng)
    _paint_legs(bird)
    if pose.is_frontal:
        paint_from_front(bird)
    else:
        paint_from_side(bird)
    return _lit(bird)


def _individual(plumage: Plumage, rng: np.random.Generator) -> Plumage:
    """No two birds of a kind have quite the same colours."""
    values = {name: getattr(plumage, name) for name in Plumage.__slots__}
    colours = {name: varied(rng, value, 0.12) for name, value in values.items() if isinstance(value, tuple)}
    return Plumage(**{**values, **colours})


def _paint_legs(bird: BirdBody) -> None:
    legs, colour = bird.legs, bird.plumage.legs
    for side in (-0.13, 0.13):
        # From the belly to the perch, in the bird's units around the point it stands on.
        leg = points((side, -0.55), (side + 0.03, -0.2), (side, 0.0))
        legs.shape(ribbon(leg, np.array([0.1, 0.07, 0.07])) * bird.pose.scale + bird.pose.foot, colour)
        for reach in (-0.12, 0.06, 0.16):
            claw = ribbon(points((side, 0.0), (side + reach, 0.06)), np.array([0.07, 0.04]))
            legs.shape(claw * bird.pose.scale + bird.pose.foot, colour)


def _lit(bird: BirdBody) -> PaintedBird:
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
