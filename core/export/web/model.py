"""What a web page of a model is made from."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from core.errors import WebPageError
from core.photos.fit import FitMode


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A photo with what the model answers to it."""

    name: str
    data: bytes  # the photo's file, of a kind that browsers read: JPEG, PNG, WebP
    probabilities: tuple[float, ...]  # 0-1, calibrated, of each class: as they are shown
    answer: str | None  # label of the likeliest class; None: "I don't know"


@dataclass(frozen=True, slots=True, kw_only=True)
class WebAction:
    """What happens when the camera sees a class."""

    words: str = ""  # that the browser says
    colour: str | None = None  # "#rrggbb", that fills the screen
    picture: str | None = None  # name of a file, as the next
    sound: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WebModel:
    """A model with all that its page says and needs."""

    title: str
    maker_line: str = ""  # of the maker's own, below the title
    class_names: tuple[str, ...]  # in the order of the probabilities
    # LiteRT file: float32 pixels (1, height, width, 3), 0-255, to "output_0", probabilities (1, classes), and, where a
    # distance counts, "output_1", features (1, channels).
    litert: bytes
    image_size: tuple[int, int]  # height and width, px
    fit_mode: str  # how a photo becomes that rectangle: crop, letterbox, squash
    crop_fraction: float  # part of the central rectangle that `crop` keeps, 0-1
    temperature: float = 1.0  # softmax(log(probability) / temperature) is still to be done; 1: nothing is
    min_probability: float = 0.0  # calibrated, 0-1: a photo whose likeliest class has less is refused
    max_distance: float | None = None  # cosine, 0-2, to the nearest training photo: one farther off is refused
    # float32 (photos, channels): features of the training photos; None: no distance counts.
    reference: npt.NDArray[np.float32] | None = field(default=None, compare=False)
    samples: tuple[Sample, ...] = ()
    actions: Mapping[int, WebAction] = field(default_factory=dict)  # by the number of the class
    action_files: Mapping[str, bytes] = field(default_factory=dict, compare=False)  # by the names that `actions` say
    language: str = ""  # in which words are said, as "de"; empty: the browser's own
    licence: str = ""  # notes on the network and its weights, shown at the foot

    def __post_init__(self) -> None:
        fit_modes = [mode.value for mode in FitMode]
        if self.fit_mode not in fit_modes:
            raise WebPageError(f"Fit mode {self.fit_mode!r}: one of {', '.join(fit_modes)} was expected.")
        if not (math.isfinite(self.temperature) and self.temperature > 0):
            raise WebPageError(f"Temperature {self.temperature}: a finite number above 0 was expected.")
        if not self.class_names:
            raise WebPageError("A model without classes has no answers. Train one with two classes or more.")
        if self.reference is not None and (self.reference.ndim != 2 or 0 in self.reference.shape):
            raise WebPageError(
                f"Features of the training photos have the shape {self.reference.shape}; (photos, channels) was "
                "expected. Examine the model again on the results page."
            )
        unknown = [index for index in self.actions if not 0 <= index < len(self.class_names)]
        if unknown:
            raise WebPageError(
                f"Something is to happen at class {unknown[0]}; the model has {len(self.class_names)} classes, from 0."
            )
        for sample in self.samples:
            if len(sample.probabilities) != len(self.class_names):
                raise WebPageError(
                    f"The sample photo {sample.name!r} has {len(sample.probabilities)} probabilities, the model "
                    f"{len(self.class_names)} classes; one for each class was expected."
                )

    @property
    def measures_distance(self) -> bool:
        """Whether photos are compared with those that the model learned from."""
        return self.max_distance is not None and self.reference is not None
