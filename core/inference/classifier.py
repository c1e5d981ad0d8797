"""From the bytes of a photo to the likeliest classes, of ImageNet or of a model that was trained here."""

import hashlib
import json
import time
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt
from PIL import Image

from core.backbones.artefacts import Artefact, ArtefactRecord
from core.features.embedding import Embedder
from core.features.key import FeatureKey
from core.inference.class_table import ClassTable, Prediction, imagenet_table
from core.inference.head import Head
from core.inference.heatmap import class_activation_map, occlusion_map
from core.inference.judging import Judge
from core.litert.both_ways import BothWaysEngine
from core.litert.engine import FeatureEngine, Outputs
from core.litert.shared_engine import SharedEngine
from core.metrics import ANSWER_SECONDS
from core.photos.fit import to_array
from core.photos.remarks import tell
from core.photos.rendering import Rendering
from core.photos.squares import SquareMaker
from core.records import Record
from core.runs.model_record import ModelRecord
from core.settings import Settings

TOP_K = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification(Record):
    """What one network says to one photo, and how long it took."""

    predictions: tuple[Prediction, ...]  # the five likeliest classes, or all where there are fewer, likeliest first
    group: str | None  # likeliest everyday group, such as "bird"; None: the classes have no groups
    group_probability: float  # sum over all classes of the group, 0-1; 0 without groups
    decode_milliseconds: float  # bytes to the square that the network sees
    network_milliseconds: float  # square to probabilities
    # Whether somebody has chosen when the model does not know; else only its probabilities tell.
    has_rule: bool = False
    # Why the model does not answer, such as "its best guess, alien, has only 41 %; ..."; None: it answers.
    refusal: str | None = None
    # For people: what had to be decided to show the photo, such as how values of 12 bits were scaled.
    remarks: tuple[str, ...] = ()

    @property
    def is_refused(self) -> bool:
        """Whether the model says "I don't know"; its predictions are what it would have guessed."""
        return self.refusal is not None


class Classifier:
    """A network that answers for photos; safe to use from any number of threads."""

    def __init__(
        self,
        record: ArtefactRecord | ModelRecord,
        engine: FeatureEngine,
        *,
        classes: ClassTable,
        squares: SquareMaker,
        head: Head | None = None,
        heat_head: Head | None = None,
        judge: Judge | None = None,
    ) -> None:
        """Join what belongs together; `of_artefact` and `ClassifierCache` know what that is.

        Args:
            record: what is known of the network.
            engine: the network, loaded.
            classes: in the order of the probabilities.
            squares: how photos become what the network sees.
            head: gives the probabilities from the network's features; None: the network has some of its own.
            heat_head: what makes logits of the network's features, whoever computes them; None: not known, and heat
                maps are measured.
            judge: says when the network does not know; None: it always answers.
        """
        self.record = record
        self.engine = engine
        self.classes = classes
        self.squares = squares
        self.head = head
        self.judge = judge
        rows, columns, _ = engine.feature_map_shape
        # A map of one place, as networks that do not show theirs have it, cannot tell where anything is.
        self._heat_head = heat_head if rows * columns > 1 else None
        # What makes probabilities of the network's features, whoever has computed them; None: not known.
        self.features_head = heat_head if head is None else head

    @classmethod
    def of_artefact(cls, artefact: Artefact, settings: Settings, engine: SharedEngine | None = None) -> Self:
        """A prepared backbone, for the classes of ImageNet.

        Args:
            artefact: what was prepared.
            settings: limits of photos, number of threads.
            engine: the artefact's network where it is loaded already.

        Raises:
            ArtefactDamagedError: LiteRT cannot read the network.
        """
        record = artefact.record
        return cls(
            record,
            engine or SharedEngine(artefact.model_path, num_threads=settings.num_inference_threads),
            classes=imagenet_table(),
            squares=squares_of(record, settings),
            heat_head=_linear_head_of(artefact) if record.has_linear_head else None,
        )

    @cached_property
    def fingerprint(self) -> str:
        """Hexadecimal; whatever answers otherwise, be it only by other names of classes or limits, has another."""
        if isinstance(self.record, ArtefactRecord):
            return self.record.fingerprint
        rule = None if self.judge is None else asdict(self.judge.rule)
        content = json.dumps([self.record.to_json(), rule], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()

    @property
    def problem(self) -> str | None:
        """For people: why it does not answer by the limits that somebody chose; None: it does, or nobody has."""
        return None if self.judge is None else self.judge.rule.problem

    @property
    def has_exact_heat(self) -> bool:
        """Whether heat maps are what each place adds to a class: the head is linear, and the map has places."""
        return self._heat_head is not None and self._heat_head.is_linear

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
        square, facts = self.squares.square_and_facts(data, name)
        pixels = to_array(square)
        decoded = time.perf_counter()
        probabilities, features = self._probabilities(pixels, is_alone=is_alone)
        finished = time.perf_counter()
        ANSWER_SECONDS.observe(finished - started)
        if self.judge is not None:
            probabilities = self.judge.calibrate(probabilities)
        predictions = self.classes.top(probabilities, TOP_K)
        groups = self.classes.group_probabilities(probabilities)
        group, group_probability = next(iter(groups.items()), (None, 0.0))
        return Classification(
            predictions=predictions,
            group=group,
            group_probability=group_probability,
            decode_milliseconds=(decoded - started) * 1000,
            network_milliseconds=(finished - decoded) * 1000,
            has_rule=self.judge is not None and self.judge.rule.decision.refuses,
            refusal=None if self.judge is None else self.judge.refusal(predictions[0], features),
            remarks=() if facts.is_ordinary else tuple(tell((facts,))),
        )

    def embedder(self, key: FeatureKey) -> Embedder:
        """The network as the maker of the features that its head starts from, kept under this key."""
        if isinstance(self.engine, BothWaysEngine):
            return Embedder(key=key, squares=self.squares, engine=self.engine.engine, averages_flips=True)
        if isinstance(self.record, ModelRecord) and self.record.averages_flips:
            # The whole model in one file averages by itself: its features are not those of the photos alone.
            key = key._replace(fit_mode=f"{key.fit_mode} both ways")
        return Embedder(key=key, squares=self.squares, engine=self.engine)

    def square(self, data: bytes, name: str) -> Image.Image:
        """The square that the network sees of a photo: RGB, of the record's image size.

        Raises:
            ImageError: the photo cannot be used.
        """
        return self.squares.square(data, name)

    def answer(self, square: Image.Image, *, is_alone: bool = True) -> Outputs:
        """Everything that the network says to a square of `square`; its probabilities are not calibrated.

        Args:
            square: as `square` makes it.
            is_alone: as of `classify`.
        """
        return self._answer(to_array(square), is_alone=is_alone)

    def heat(self, square: Image.Image, class_index: int) -> npt.NDArray[Any]:
        """Where in the square the evidence for a class lies: float32 (rows, columns), 0-1.

        A class activation map, exact where the head is linear, Grad-CAM where it has hidden layers; of networks without
        a head on pooled features it is measured by covering parts of the square.
        """
        heat = None if self._heat_head is None else self.heat_of(self.answer(square), class_index)
        if heat is None:
            return occlusion_map(lambda pixels: self._answer(pixels).probabilities, to_array(square), class_index)
        return heat

    def heat_of(self, outputs: Outputs, class_index: int) -> npt.NDArray[Any] | None:
        """The heat map of what `answer` returned, at no cost; None where heat can only be measured."""
        if self._heat_head is None:
            return None
        return class_activation_map(outputs.feature_map, self._heat_head.gradient(outputs.features, class_index))

    def _answer(self, pixels: npt.NDArray[np.uint8], *, is_alone: bool = True) -> Outputs:
        outputs = self.engine.run(pixels, is_alone=is_alone)
        if self.head is None:
            return outputs
        return replace(outputs, probabilities=self.head.probabilities(outputs.features))

    def _probabilities(
        self, pixels: npt.NDArray[np.uint8], *, is_alone: bool
    ) -> tuple[npt.NDArray[np.floating[Any]], npt.NDArray[np.float32]]:
        """Probabilities (classes,) and features (channels,)."""
        if self.head is None:
            outputs = self.engine.run(pixels, is_alone=is_alone)
            return outputs.probabilities, outputs.features
        features = self.engine.features(pixels, is_alone=is_alone)
        return self.head.probabilities(features), features


def squares_of(record: ArtefactRecord | ModelRecord, settings: Settings) -> SquareMaker:
    """What makes of a photo the square that a network with this record eats."""
    said = record.rendering if isinstance(record, ModelRecord) else None
    return SquareMaker.of(
        record.image_size,
        record.fit_mode,
        settings,
        crop_fraction=record.crop_fraction,
        rendering=None if said is None else Rendering.from_json(said),
    )


def _linear_head_of(artefact: Artefact) -> Head:
    kernel, bias = artefact.read_classifier()
    return Head((kernel,), (bias,))
