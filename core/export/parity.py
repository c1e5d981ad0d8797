"""What the preview says to the photos that an export is proven on, and how far the export's answers are from that."""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core.export.certificate import Certificate
from core.export.formats import MAX_FLOAT_DIFFERENCE, ExportFormat
from core.export.sample_program import UNKNOWN
from core.inference.classifier import Classifier
from core.inference.reference import Reference, read_reference
from core.runs.decision import Decision, read_decision
from core.runs.folder import RunFolder


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProofPhotos:
    """The photos that an export is proven on."""

    split: str  # test, else validation, else train
    names: tuple[str, ...]  # of their files
    data: Callable[[int], bytes]  # the bytes of the file with this number, from 0
    class_indices: npt.NDArray[np.int64]  # (photos,): true classes

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Answers:
    """What a model says to photos."""

    probabilities: npt.NDArray[np.float64]  # (photos, classes), 0-1, calibrated
    answers: tuple[str, ...]  # a class as labels.txt has it, or `UNKNOWN`
    milliseconds: npt.NDArray[np.float64]  # (photos,): pixels to probabilities


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Preview:
    """What the app itself says to them."""

    answers: Answers
    # (photos,): how far each is from the nearest limit of “I don't know”, in probability or distance; infinite without.
    margins: npt.NDArray[np.float64]


def labels_of(class_names: tuple[str, ...]) -> tuple[str, ...]:
    """The classes as labels.txt has them, each in one line."""
    return tuple(" ".join(name.split()) for name in class_names)


def ask_preview(
    classifier: Classifier, folder: RunFolder, photos: ProofPhotos, *, watch: Callable[[int], None]
) -> Preview:
    """Ask the model as the classify page does.

    Args:
        classifier: of the run's model.
        folder: of the run.
        photos: what it is asked about.
        watch: called after each photo with how many were answered; raises to stop.

    Raises:
        ImageError: a photo cannot be used.
        RunFileError: a file of the run is damaged.
    """
    decision, reference = read_decision(folder), read_reference(folder)
    labels = labels_of(classifier.classes.labels)
    rows: list[npt.NDArray[np.float64]] = []
    answers, milliseconds, margins = [], [], []
    for number, name in enumerate(photos.names):
        square = classifier.square(photos.data(number), name)
        began = time.perf_counter()
        outputs = classifier.answer(square)
        milliseconds.append((time.perf_counter() - began) * 1000)
        probabilities = outputs.probabilities
        if classifier.judge is not None:
            probabilities = classifier.judge.calibrate(probabilities)
        (best,) = classifier.classes.top(probabilities, 1)
        refusal = None if classifier.judge is None else classifier.judge.refusal(best, outputs.features)
        rows.append(np.asarray(probabilities, np.float64))
        answers.append(labels[best.index] if refusal is None else UNKNOWN)
        margins.append(_margin(best.probability, outputs.features, decision, reference))
        watch(number + 1)
    return Preview(
        answers=Answers(
            probabilities=np.stack(rows), answers=tuple(answers), milliseconds=np.array(milliseconds, np.float64)
        ),
        margins=np.array(margins, np.float64),
    )


def _margin(share: float, features: npt.NDArray[np.float32], decision: Decision, reference: Reference | None) -> float:
    margin = abs(share - decision.min_probability) if decision.min_probability > 0 else math.inf
    if decision.max_distance is None or reference is None:
        return margin
    return min(margin, abs(reference.distance(features) - decision.max_distance))


def certify(
    row: ExportFormat,
    photos: ProofPhotos,
    *,
    preview: Preview,
    said: Answers,
    sha256: str,
    packages: Mapping[str, str],
) -> Certificate:
    """Compare an export's answers with the preview's.

    Args:
        row: of the export.
        photos: what both were asked about.
        preview: what the app said.
        said: what the exported file said.
        sha256: of that file.
        packages: versions of what answered.
    """
    expected = preview.answers
    said_best, best = said.probabilities.argmax(axis=1), expected.probabilities.argmax(axis=1)
    difference = float(np.abs(said.probabilities - expected.probabilities).max())
    is_on_edge = preview.margins <= (MAX_FLOAT_DIFFERENCE if row.max_difference is None else row.max_difference)
    is_other = np.array([one != other for one, other in zip(said.answers, expected.answers, strict=True)], np.bool_)
    return Certificate(
        format=row.name,
        artefact_sha256=sha256,
        split=photos.split,
        num_photos=len(photos),
        top1_agreement=float(np.mean(said_best == best)),
        # What is no number is as far from a probability as anything can be.
        max_probability_difference=difference if np.isfinite(difference) else 1.0,
        decision_agreement=float(np.mean(~is_other)),
        num_on_the_edge=int((is_other & is_on_edge).sum()),
        preview_accuracy=float(np.mean(best == photos.class_indices)),
        accuracy=float(np.mean(said_best == photos.class_indices)),
        latency_milliseconds=float(np.median(said.milliseconds)),
        packages=dict(packages),
        made_at=time.time(),
    )
