"""A bird's own frame, in which its parts are painted, and the pose that puts it into a picture."""

from dataclasses import dataclass

import numpy as np

from core.datasets.samples.drawing import Colour, Layer, Points, Stencil, rotated, smooth_curve
from core.datasets.samples.plumages import Plumage


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


class BirdBody:
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
