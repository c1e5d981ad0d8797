"""Where the drawn birds sit: branch, garden, meadow, sky, autumn wood, wall and snow, each different every time."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from core.datasets.samples.drawing import (
    SIDE_PX,
    Colour,
    Layer,
    Picture,
    Points,
    blurred,
    clouds,
    disc,
    mix,
    noise,
    out_of_focus,
    points,
    put,
    ribbon,
    rotated,
    smooth_curve,
    varied,
)

_WHITE = (246, 248, 252)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A picture without its bird."""

    background: Picture  # what is behind the bird, perch included
    foot: tuple[float, float]  # pixels: where a bird can stand
    foreground: Callable[[Picture], Picture]  # puts what is in front of the bird


Backdrop = Callable[[np.random.Generator], Picture]


def paint_scene(rng: np.random.Generator) -> Scene:
    """A place at random."""
    backdrop = _BACKDROPS[int(rng.integers(len(_BACKDROPS)))]
    background = out_of_focus(backdrop(rng), 1.0 + 7.0 * rng.random())
    is_snowy = backdrop is _snow
    perch = (_on_branch, _on_branch, _on_post, _on_ground)[int(rng.integers(4))]
    background, foot = perch(background, rng, is_snowy=is_snowy)
    return Scene(
        background=background, foot=foot, foreground=lambda picture: _foreground(picture, rng, is_snowy=is_snowy)
    )


# --- far away --------------------------------------------------------------------------------------------


def _gradient(top: Colour, bottom: Colour) -> Picture:
    share = np.linspace(0.0, 1.0, SIDE_PX, dtype=np.float32)[:, np.newaxis, np.newaxis]
    rows = np.array(top, dtype=np.float32) * (1 - share) + np.array(bottom, dtype=np.float32) * share
    return np.repeat(rows, SIDE_PX, axis=1)


def _patchy(rng: np.random.Generator, first: Colour, second: Colour, sizes: tuple[int, ...] = (3, 8, 20)) -> Picture:
    """Two colours that flow into each other."""
    share = np.clip(0.5 + 0.55 * clouds(rng, sizes), 0, 1)
    base = np.broadcast_to(np.array(varied(rng, first, 0.15), dtype=np.float32), (SIDE_PX, SIDE_PX, 3))
    other = np.broadcast_to(np.array(varied(rng, second, 0.15), dtype=np.float32), (SIDE_PX, SIDE_PX, 3))
    return put(base, other, share)


def _discs_of_light(picture: Picture, rng: np.random.Generator, colours: tuple[Colour, ...]) -> Picture:
    """What a lens makes of far leaves with light between them."""
    for _ in range(2):
        layer = Layer(is_smooth=False)
        for _ in range(int(rng.integers(6, 22))):
            colour = varied(rng, colours[int(rng.integers(len(colours)))], 0.2)
            layer.shape(disc((rng.random() * SIDE_PX, rng.random() * SIDE_PX), 8 + 26 * rng.random()), colour)
        pixels, cover = layer.flatten(blur_px=2.0)
        picture = put(picture, pixels, cover * np.float32(0.25 + 0.35 * rng.random()))
    return picture


def _trunks(picture: Picture, rng: np.random.Generator, colour: Colour) -> Picture:
    layer = Layer(is_smooth=False)
    for _ in range(int(rng.integers(0, 5))):
        x, lean, width = rng.random() * SIDE_PX, 60 * (rng.random() - 0.5), 8 + 34 * rng.random()
        layer.shape(
            ribbon(points((x, -10), (x + lean, SIDE_PX + 10)), np.array([width, width * 1.3])), varied(rng, colour, 0.2)
        )
    pixels, cover = layer.flatten(blur_px=3.0)
    return put(picture, pixels, cover * np.float32(0.7))


def _wood(rng: np.random.Generator) -> Picture:
    picture = _trunks(_patchy(rng, (58, 92, 44), (128, 158, 78)), rng, (70, 62, 46))
    return _discs_of_light(picture, rng, ((196, 214, 130), (90, 130, 60), (226, 232, 190)))


def _autumn(rng: np.random.Generator) -> Picture:
    picture = _trunks(_patchy(rng, (140, 88, 40), (198, 150, 62)), rng, (66, 50, 38))
    return _discs_of_light(picture, rng, ((222, 128, 42), (186, 70, 36), (236, 196, 84), (110, 104, 52)))


def _sky(rng: np.random.Generator) -> Picture:
    tops = ((86, 142, 206), (132, 168, 204), (168, 178, 190), (226, 166, 124))
    top = varied(rng, tops[int(rng.integers(len(tops)))], 0.12)
    picture = _gradient(top, mix(top, (236, 232, 226), 0.5 + 0.3 * rng.random()))
    white = np.clip(clouds(rng, (2, 5, 11, 24)) * 0.9 + rng.random() - 0.5, 0, 1) ** 1.3
    return put(picture, np.full_like(picture, 242), white)


def _meadow(rng: np.random.Generator) -> Picture:
    sky = varied(rng, (188, 208, 222), 0.12)
    far, near = varied(rng, (120, 146, 78), 0.2), varied(rng, (86, 128, 48), 0.2)
    horizon = 0.1 + 0.45 * rng.random()
    rows = np.linspace(0.0, 1.0, SIDE_PX, dtype=np.float32)[:, np.newaxis]
    below = np.clip((rows - horizon + 0.03 * noise(rng, 5, 1)) * 40, 0, 1)
    ground = _gradient(far, near) * (1 + 0.16 * noise(rng, 60, 14) + 0.12 * noise(rng, 5, 5))[..., np.newaxis]
    picture = put(_gradient(sky, mix(sky, (255, 255, 255), 0.4)), ground, below)
    layer = Layer(is_smooth=False)
    flowers = ((238, 226, 120), (236, 236, 232), (178, 120, 190), (214, 74, 60))
    for _ in range(int(rng.integers(0, 40))):
        y = SIDE_PX * (horizon + (1 - horizon) * rng.random())
        layer.shape(disc((rng.random() * SIDE_PX, y), 2 + 4 * rng.random()), flowers[int(rng.integers(4))])
    return put(picture, *layer.flatten())


def _wall(rng: np.random.Generator) -> Picture:
    stone = varied(rng, ((168, 104, 82), (176, 170, 158), (206, 200, 186))[int(rng.integers(3))], 0.15)
    mortar = mix(stone, (214, 208, 198), 0.6)
    layer, height = Layer(is_smooth=False), 18 + 26 * rng.random()
    for row in range(int(SIDE_PX / height) + 2):
        start = -height * 2.2 * rng.random()
        for column in range(int(SIDE_PX / (2.2 * height)) + 3):
            left, top = start + column * 2.2 * height, row * height - 8
            right, bottom = left + 2.05 * height, top + 0.87 * height
            layer.shape(points((left, top), (right, top), (right, bottom), (left, bottom)), varied(rng, stone, 0.16))
    pixels, cover = layer.flatten()
    picture = put(_gradient(mortar, mortar), pixels, cover)
    return picture * (1 + 0.1 * clouds(rng, (4, 30, 90)))[..., np.newaxis]


def _snow(rng: np.random.Generator) -> Picture:
    picture = _patchy(rng, (206, 216, 230), (238, 241, 246), (2, 5, 12))
    return _trunks(picture, rng, (112, 108, 112))


_BACKDROPS: tuple[Backdrop, ...] = (_wood, _autumn, _sky, _meadow, _wall, _snow)


# --- what the bird stands on -----------------------------------------------------------------------------


def _on_branch(picture: Picture, rng: np.random.Generator, *, is_snowy: bool) -> tuple[Picture, tuple[float, float]]:
    foot = (SIDE_PX * (0.32 + 0.36 * rng.random()), SIDE_PX * (0.6 + 0.28 * rng.random()))
    slope = (rng.random() - 0.5) * 0.5
    bend = (rng.random() - 0.5) * 50
    width = 9 + 20 * rng.random()
    xs = np.linspace(-20.0, SIDE_PX + 20.0, 8)
    ys = foot[1] + (xs - foot[0]) * slope + bend * ((xs - foot[0]) / SIDE_PX) ** 2 + width * 0.45
    spine = smooth_curve(np.stack([xs, ys], axis=1), is_closed=False)
    widths = width * np.linspace(1.35, 0.65, len(spine))[:: 1 if rng.random() < 0.5 else -1]
    layer = Layer()
    bark = varied(rng, ((96, 76, 58), (122, 112, 100), (80, 70, 62))[int(rng.integers(3))], 0.2)
    layer.shape(ribbon(spine, widths), mix(bark, (0, 0, 0), 0.35))
    layer.shape(ribbon(spine - (0.0, 0.12 * width), widths * 0.76), bark)
    layer.shape(ribbon(spine - (0.0, 0.26 * width), widths * 0.34), mix(bark, (255, 250, 235), 0.22))
    for _ in range(int(rng.integers(1, 5))):
        start = spine[int(rng.integers(4, len(spine) - 4))]
        turn = -np.pi / 2 + (rng.random() - 0.5) * 2.2 + (np.pi if rng.random() < 0.4 else 0.0)
        length = 30 + 70 * rng.random()
        twig = rotated(points((0, 0), (length * 0.5, 6 * rng.random()), (length, 0)), turn) + start
        layer.shape(ribbon(twig, np.array([0.4, 0.28, 0.12]) * width), mix(bark, (0, 0, 0), 0.15))
        if not is_snowy:
            _leaves(layer, rng, twig=twig, number=int(rng.integers(0, 5)))
    if is_snowy:
        layer.shape(
            ribbon(spine - (0.0, 0.5 * width), widths * (0.5 + 0.2 * np.sin(xs.sum() + np.arange(len(spine))))), _WHITE
        )
    pixels, cover = layer.flatten(blur_px=0.5)
    pixels = pixels * (1 + 0.22 * noise(rng, 30, 110))[..., np.newaxis]
    return put(picture, pixels, cover), foot


_LEAF_COLOURS = ((86, 132, 52), (124, 158, 66), (168, 170, 70), (198, 122, 46))


def _leaves(layer: Layer, rng: np.random.Generator, *, twig: Points, number: int) -> None:
    colour = _LEAF_COLOURS[int(rng.integers(len(_LEAF_COLOURS)))]
    for _ in range(number):
        at = twig[1] + (twig[2] - twig[1]) * rng.random()
        turn, length = rng.random() * 2 * np.pi, 10 + 16 * rng.random()
        _leaf(layer, at, turn=turn, length=length, colour=varied(rng, colour, 0.2))


def _leaf(layer: Layer, at: Points, *, turn: float, length: float, colour: Colour) -> None:
    outline = points((0, 0), (0.35, 0.24), (0.7, 0.16), (1, 0), (0.7, -0.16), (0.35, -0.24)) * length
    layer.shape(smooth_curve(rotated(outline, turn) + at, is_closed=True, steps=4), colour)
    half = points((0.05, 0), (0.35, 0.2), (0.7, 0.13), (0.98, 0)) * length
    layer.shape(rotated(half, turn) + at, mix(colour, (0, 0, 0), 0.18))


def _on_post(picture: Picture, rng: np.random.Generator, *, is_snowy: bool) -> tuple[Picture, tuple[float, float]]:
    foot = (SIDE_PX * (0.35 + 0.3 * rng.random()), SIDE_PX * (0.6 + 0.22 * rng.random()))
    half = 18 + 30 * rng.random()
    wood = varied(rng, ((134, 112, 88), (120, 118, 114), (94, 70, 52))[int(rng.integers(3))], 0.2)
    layer = Layer()
    left, right = foot[0] - half, foot[0] + half
    layer.shape(points((left, foot[1]), (right, foot[1]), (right, SIDE_PX + 5), (left, SIDE_PX + 5)), wood)
    shade = mix(wood, (0, 0, 0), 0.35)
    edge = right - half * (0.3 + 0.4 * rng.random())
    layer.shape(points((edge, foot[1]), (right, foot[1]), (right, SIDE_PX + 5), (edge, SIDE_PX + 5)), shade)
    top = _WHITE if is_snowy else mix(wood, (255, 248, 232), 0.35)
    layer.shape(disc((foot[0], foot[1] + 1), half * 1.02, flatness=0.16), top)
    pixels, cover = layer.flatten(blur_px=0.5)
    grain = 1 + 0.2 * noise(rng, 90, 6) + 0.1 * noise(rng, 100, 40)
    return put(picture, pixels * grain[..., np.newaxis], cover), foot


def _on_ground(picture: Picture, rng: np.random.Generator, *, is_snowy: bool) -> tuple[Picture, tuple[float, float]]:
    foot = (SIDE_PX * (0.3 + 0.4 * rng.random()), SIDE_PX * (0.68 + 0.2 * rng.random()))
    grounds = ((120, 138, 62), (142, 116, 84), (156, 152, 144))
    ground = (232, 236, 244) if is_snowy else varied(rng, grounds[int(rng.integers(3))], 0.2)
    rows = np.linspace(0.0, SIDE_PX, SIDE_PX, dtype=np.float32)[:, np.newaxis]
    edge = foot[1] - 12 - 26 * rng.random()
    cover = np.clip((rows - edge) / 6 + noise(rng, 4, 1), 0, 1)
    roughness = 0.05 if is_snowy else 0.2
    relief = 1 + roughness * (noise(rng, 90, 40) + 0.6 * noise(rng, 24, 10))
    pixels = _gradient(ground, mix(ground, (0, 0, 0), 0.2)) * relief[..., np.newaxis]
    picture = put(picture, pixels, cover)
    shadow = Layer(is_smooth=False)
    shadow.shape(disc((foot[0], foot[1] + 3), 48, flatness=0.16), (30, 32, 40))
    _, dark = shadow.flatten()
    return put(picture, np.full_like(picture, 34), blurred(dark, 7) * np.float32(0.5)), foot


# --- in front of the bird --------------------------------------------------------------------------------


def _foreground(picture: Picture, rng: np.random.Generator, *, is_snowy: bool) -> Picture:
    """Nothing, grass, leaves near the lens, or falling snow."""
    if is_snowy and rng.random() < 0.7:
        return _falling_snow(picture, rng)
    choice = rng.random()
    if choice < 0.3:
        return _near_leaves(picture, rng)
    return _grass(picture, rng) if choice < 0.5 else picture


def _falling_snow(picture: Picture, rng: np.random.Generator) -> Picture:
    for size, number, blur in ((1.6, 60, 0.5), (3.4, 22, 1.4)):
        layer = Layer()
        for _ in range(number):
            layer.shape(
                disc((rng.random() * SIDE_PX, rng.random() * SIDE_PX), size * (0.6 + 0.8 * rng.random())), _WHITE
            )
        pixels, cover = layer.flatten(blur_px=blur)
        picture = put(picture, pixels, cover * np.float32(0.85))
    return picture


def _near_leaves(picture: Picture, rng: np.random.Generator) -> Picture:
    layer = Layer(is_smooth=False)
    corner = np.array([SIDE_PX * float(rng.integers(2)), SIDE_PX * rng.random()])
    colour = _LEAF_COLOURS[int(rng.integers(len(_LEAF_COLOURS)))]
    for _ in range(int(rng.integers(3, 8))):
        at = corner + (rng.random(2) - 0.5) * (170, 190)
        turn, length = rng.random() * 2 * np.pi, 40 + 60 * rng.random()
        _leaf(layer, at, turn=turn, length=length, colour=varied(rng, colour, 0.2))
    pixels, cover = layer.flatten(blur_px=1.0 + 6 * rng.random())
    return put(picture, pixels, cover * np.float32(0.94))


def _grass(picture: Picture, rng: np.random.Generator) -> Picture:
    layer = Layer()
    colour = ((96, 132, 54), (150, 150, 76), (62, 98, 44))[int(rng.integers(3))]
    height = 40 + 90 * rng.random()
    for _ in range(int(rng.integers(12, 40))):
        x, lean = rng.random() * SIDE_PX, (rng.random() - 0.5) * 60
        length = height * (0.5 + 0.6 * rng.random())
        blade = points((x, SIDE_PX + 4), (x + lean * 0.3, SIDE_PX - length * 0.6), (x + lean, SIDE_PX - length))
        layer.shape(ribbon(smooth_curve(blade, is_closed=False), np.linspace(4.5, 0.8, 12)), varied(rng, colour, 0.25))
    pixels, cover = layer.flatten(blur_px=0.5 + 2.5 * rng.random())
    return put(picture, pixels, cover)
