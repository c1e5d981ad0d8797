"""Photo-like pictures of four kinds of birds, drawn by Bluetit itself: a data set that needs no network.

Pose, place, light, colour cast, focus and noise differ from picture to picture, and the places are the same for all
kinds, so that a network has to look at the bird. The same kind, seed and number give the same pixels.
"""

import numpy as np
from PIL import Image

from core.datasets.samples.bird_body import Pose
from core.datasets.samples.drawing import SIDE_PX, Picture, noise, out_of_focus, put, to_image
from core.datasets.samples.drawn_birds import paint_bird
from core.datasets.samples.drawn_scenes import paint_scene
from core.datasets.samples.plumages import PLUMAGES

CLASS_NAMES = tuple(PLUMAGES)


def draw_sample(class_name: str, *, seed: int, number: int) -> Image.Image:
    """One picture: RGB, 320 × 320 pixels.

    Args:
        class_name: one of `CLASS_NAMES`.
        seed: chooses a set of pictures, at least 0.
        number: which picture of the set, at least 0.
    """
    rng = np.random.default_rng([seed, CLASS_NAMES.index(class_name), number])
    scene = paint_scene(rng)
    bird = paint_bird(class_name, _pose(rng, scene.foot), rng)
    colours = out_of_focus(bird.colours, 1.2) if rng.random() < 0.12 else bird.colours
    picture = scene.foreground(put(scene.background, colours, bird.cover))
    return to_image(_photographed(picture, rng))


def _pose(rng: np.random.Generator, foot: tuple[float, float]) -> Pose:
    angle = -np.pi / 2 + (rng.random() - 0.5) * 2.0
    is_frontal = bool(rng.random() < 0.25)
    return Pose(
        foot=foot,
        scale=SIDE_PX * (0.095 + 0.15 * rng.random()),
        tilt=(rng.random() - 0.5) * 0.35 if is_frontal else 0.05 + 0.75 * rng.random(),
        head_turn=(rng.random() - 0.5) * 0.6,
        tail_turn=(rng.random() - 0.5) * 0.5,
        is_mirrored=bool(rng.random() < 0.5),
        is_frontal=is_frontal,
        plumpness=0.9 + 0.25 * rng.random(),
        light=(float(np.cos(angle)), float(np.sin(angle))),
    )


def _photographed(picture: Picture, rng: np.random.Generator) -> Picture:
    """What a camera adds: exposure, white balance, contrast, a darker rim, grain."""
    picture = np.clip(picture / np.float32(255), 0, 1) ** np.float32(0.75 + 0.6 * rng.random())
    picture = (picture - 0.5) * np.float32(0.8 + 0.35 * rng.random()) + 0.5
    balance = 1 + (rng.random(3, dtype=np.float32) - 0.5) * 0.15
    picture = picture * balance * np.float32(0.7 + 0.45 * rng.random())
    side_light = 1 + 0.14 * noise(rng, 1, 1)  # one side of the picture is brighter
    rows = np.linspace(-1.0, 1.0, SIDE_PX, dtype=np.float32)
    rim = 1 - np.float32(0.25 * rng.random()) * (rows[:, np.newaxis] ** 2 + rows**2) / 2
    grain = (rng.random((SIDE_PX, SIDE_PX, 1), dtype=np.float32) - 0.5) * np.float32(0.02 + 0.1 * rng.random() ** 2)
    return np.asarray((picture * (side_light * rim)[..., np.newaxis] + grain) * 255, dtype=np.float32)
