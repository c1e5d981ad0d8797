"""From the bytes of a photo to the likeliest ImageNet classes."""

import threading
import time
from collections import OrderedDict, defaultdict
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt
from PIL import Image

from core.backbones.artefacts import Artefact, load_artefact
from core.backbones.catalog import Backbone
from core.imagenet import Prediction, group_probabilities, top_k
from core.images import to_array
from core.inference.engine import Engine, Outputs
from core.inference.heatmap import class_activation_map, occlusion_map
from core.inference.squares import SquareMaker
from core.settings import Settings

TOP_K = 5

# Loaded networks are kept while their files are together no larger than this; in memory, on two cores, they take about
# six times as much.
_MAX_LOADED_BYTES = 60_000_000


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
        self.model_bytes = artefact.model_path.stat().st_size
        self._kernel = artefact.read_classifier()[0] if artefact.record.has_linear_head else None
        self.engine = Engine(artefact.model_path, num_threads=settings.num_inference_threads)
        self._squares = SquareMaker.of(
            self.record.image_size, self.record.fit_mode, settings, crop_fraction=self.record.crop_fraction
        )

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
        return self._squares.square(data, name)

    def answer(self, square: Image.Image) -> Outputs:
        """Everything that the network says to a square of `square`."""
        return self.engine.run(to_array(square), is_alone=True)

    def heat(self, square: Image.Image, class_index: int) -> npt.NDArray[Any]:
        """Where in the square the evidence for a class lies: float32 (rows, columns), 0-1.

        Exact (a class activation map) where the head is linear, else measured by covering parts of the square.
        """
        if self._kernel is not None:
            return class_activation_map(self.answer(square).feature_map, self._kernel[:, class_index])
        return occlusion_map(
            lambda pixels: self.engine.run(pixels, is_alone=True).probabilities, to_array(square), class_index
        )


class ClassifierCache:
    """The classifiers that are loaded, shared by all sessions; the longest unused ones are let go."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()  # held for moments only
        self._loading = defaultdict[str, threading.Lock](threading.Lock)  # held while that backbone is being loaded
        self._loaded: OrderedDict[str, Classifier] = OrderedDict()

    def get(self, backbone: Backbone) -> Classifier:
        """The classifier of a backbone, loaded when first asked for.

        Raises:
            ArtefactMissingError: the backbone has not been prepared.
            ArtefactDamagedError: what was prepared is not whole any more.
        """
        with self._lock:
            loading = self._loading[backbone.name]
        with loading:
            classifier = self._find(backbone)
            if classifier is None:
                classifier = Classifier(load_artefact(backbone, self._settings), self._settings)
                self._keep(backbone, classifier)
            return classifier

    def _find(self, backbone: Backbone) -> Classifier | None:
        with self._lock:
            if backbone.name not in self._loaded:
                return None
            self._loaded.move_to_end(backbone.name)
            return self._loaded[backbone.name]

    def _keep(self, backbone: Backbone, classifier: Classifier) -> None:
        with self._lock:
            self._loaded[backbone.name] = classifier
            while len(self._loaded) > 1 and sum(kept.model_bytes for kept in self._loaded.values()) > _MAX_LOADED_BYTES:
                self._loaded.popitem(last=False)
