"""From the bytes of a photo to the likeliest ImageNet classes."""

import math
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy.typing as npt
from PIL import Image

from core.backbones.artefacts import Artefact, load_artefact
from core.backbones.catalog import Backbone
from core.imagenet import Prediction, group_probabilities, top_k
from core.images import FitMode, ImageLimits, decode_image, fit, to_array
from core.inference.engine import Engine, Outputs
from core.inference.heatmap import class_activation_map, occlusion_map
from core.settings import Settings

TOP_K = 5

# Loaded networks that are kept; each costs some ten to some hundred megabytes.
_MAX_LOADED_CLASSIFIERS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """What one backbone says to one photo, and how long it took."""

    predictions: tuple[Prediction, ...]  # the five likeliest classes, likeliest first
    group: str  # likeliest everyday group, such as "bird"
    group_probability: float  # sum over all classes of the group, 0-1
    decode_milliseconds: float  # bytes to the square that the network sees
    network_milliseconds: float  # square to probabilities


class Classifier:
    """A prepared backbone that answers for photos; safe to use from any number of threads."""

    def __init__(self, artefact: Artefact, settings: Settings) -> None:
        self.record = artefact.record
        self._artefact = artefact
        self.engine = Engine(artefact.model_path, num_threads=settings.num_inference_threads)
        self._limits = ImageLimits(max_bytes=settings.max_photo_bytes, max_pixels=settings.max_photo_pixels)
        # A JPEG may be decoded smaller, as long as the crop is still at least as large as the network's square.
        self._shortest_side_px = math.ceil(max(self.record.image_size) / self.record.crop_fraction)

    def classify(self, data: bytes, name: str, *, is_alone: bool = False) -> Classification:
        """Decode a photo and name what is in it.

        Args:
            data: the photo's file.
            name: its name, for error messages.
            is_alone: whether no other photo is being classified, so that all threads may work on this one.

        Raises:
            ImageError: the photo cannot be used.
        """
        started = time.perf_counter()
        pixels = to_array(self.square(data, name))
        decoded = time.perf_counter()
        outputs = self.engine.run(pixels, is_alone=is_alone)
        finished = time.perf_counter()
        group, group_probability = next(iter(group_probabilities(outputs.probabilities).items()))
        return Classification(
            predictions=tuple(top_k(outputs.probabilities, TOP_K)),
            group=group,
            group_probability=group_probability,
            decode_milliseconds=(decoded - started) * 1000,
            network_milliseconds=(finished - decoded) * 1000,
        )

    def square(self, data: bytes, name: str) -> Image.Image:
        """The square that the network sees of a photo: RGB, of the record's image size.

        Raises:
            ImageError: the photo cannot be used.
        """
        image = decode_image(data, name, limits=self._limits, shortest_side_px=self._shortest_side_px)
        return fit(
            image,
            self.record.image_size,
            FitMode(self.record.fit_mode),
            crop_fraction=self.record.crop_fraction,
        )

    def answer(self, square: Image.Image) -> Outputs:
        """Everything that the network says to a square of `square`."""
        return self.engine.run(to_array(square), is_alone=True)

    def heat(self, square: Image.Image, class_index: int) -> npt.NDArray[Any]:
        """Where in the square the evidence for a class lies: float32 (rows, columns), 0-1.

        Exact (a class activation map) where the head is linear, else measured by covering parts of the square.
        """
        if self.record.has_linear_head:
            kernel, _ = self._linear_head
            return class_activation_map(self.answer(square).feature_map, kernel[:, class_index])
        return occlusion_map(
            lambda pixels: self.engine.run(pixels, is_alone=True).probabilities, to_array(square), class_index
        )

    @cached_property
    def _linear_head(self) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        return self._artefact.read_classifier()


class ClassifierCache:
    """The classifiers that are loaded, shared by all sessions; the longest unused one is let go."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._loaded: OrderedDict[str, Classifier] = OrderedDict()

    def get(self, backbone: Backbone) -> Classifier:
        """The classifier of a backbone, loaded when first asked for.

        Raises:
            ArtefactMissingError: the backbone has not been prepared.
            ArtefactDamagedError: what was prepared is not whole any more.
        """
        with self._lock:
            if backbone.name not in self._loaded:
                artefact = load_artefact(backbone, self._settings)
                self._loaded[backbone.name] = Classifier(artefact, self._settings)
                if len(self._loaded) > _MAX_LOADED_CLASSIFIERS:
                    self._loaded.popitem(last=False)
            self._loaded.move_to_end(backbone.name)
            return self._loaded[backbone.name]
