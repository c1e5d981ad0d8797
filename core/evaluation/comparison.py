"""Which of two models is better, judged only by photos that may judge both."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

import numpy as np

from core.datasets.records import SnapshotView, Split
from core.evaluation.answers import Answers, RunAnswers
from core.evaluation.statistics import mcnemar_exact, paired_difference_interval
from core.inference.temperature import calibrated
from core.names import name_key

_NO_CLASSES: frozenset[str] = frozenset()


class Exclusion(StrEnum):
    """Why a photo that one of two models was asked about does not judge both; the first that applies counts."""

    LEARNED = "learned"  # one of them learned from it
    DISPUTED = "disputed"  # it has another class for one than for the other, or two classes at once
    CLASS_UNKNOWN = "class unknown"  # only one of them knows its class
    DECIDED = "decided"  # it chose the epoch of one of them, and there are photos that decided nothing
    ONLY_FIRST = "only first"  # only the first was asked about it
    ONLY_SECOND = "only second"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Contender:
    """A model in a comparison: what it said, and what it must not be judged by."""

    class_names: tuple[str, ...]  # in the order of its probabilities
    unseen: Answers  # to photos that decided nothing about it: of the test, or asked about later
    validation: Answers  # to photos that chose its epoch
    learned_from: frozenset[str]  # hashes of the photos that it was trained on
    temperature: float = 1.0  # by which its probabilities are calibrated

    @classmethod
    def of_run(cls, answers: RunAnswers, snapshot: SnapshotView, *, temperature: float = 1.0) -> Self:
        """The model of a finished run.

        Args:
            answers: what it said when it was done.
            snapshot: what it learned from.
            temperature: of its calibration.
        """
        return cls(
            class_names=answers.class_names,
            unseen=answers.test,
            validation=answers.validation,
            learned_from=frozenset(image.photo_hash for image in snapshot.images if image.split is Split.TRAIN),
            temperature=temperature,
        )

    def asked_later(self, answers: Answers) -> Self:
        """The same, with its answers to more photos that had no part in making it."""
        return replace(
            self,
            unseen=Answers(
                hashes=self.unseen.hashes + answers.hashes,
                class_indices=np.concatenate([self.unseen.class_indices, answers.class_indices]),
                probabilities=np.concatenate([self.unseen.probabilities, answers.probabilities]),
            ),
        )

    @property
    def judged(self) -> Answers:
        """Its answers to the photos that tell most."""
        return self.unseen if len(self.unseen) else self.validation


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What one model says to one photo."""

    class_index: int  # in the model's own numbering
    class_name: str
    probability: float  # calibrated, 0-1, that it gives this class
    is_right: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CommonPhoto:
    """A photo that judges both models."""

    photo_hash: str
    class_name: str  # its true class
    first: Said
    second: Said
    has_decided: bool  # whether it chose the epoch of one of them
    is_disputed: bool  # whether the two models say different classes


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Two models on the photos that may judge both."""

    photos: tuple[CommonPhoto, ...]
    counts: tuple[int, int, int, int]  # photos that both answer rightly, only the first, only the second, neither
    num_decided: int  # of the photos; they chose the epoch of one of them, which may look a little too good
    excluded: Mapping[Exclusion, int]  # photos that one of them was asked about and that do not count
    classes_of_first_only: tuple[str, ...]  # that the second does not know
    classes_of_second_only: tuple[str, ...]

    @property
    def num_photos(self) -> int:
        """Photos that judge both."""
        return sum(self.counts)

    @property
    def p_value(self) -> float:
        """How likely so uneven a count is by luck alone (McNemar, exact), 0-1; 1 without photos."""
        _, only_first, only_second, _ = self.counts
        return mcnemar_exact(only_first, only_second)

    @property
    def difference(self) -> float:
        """Accuracy of the second less that of the first, -1 to 1; 0 without photos."""
        _, only_first, only_second, _ = self.counts
        return (only_second - only_first) / self.num_photos if self.num_photos else 0.0

    @property
    def interval(self) -> tuple[float, float] | None:
        """Which differences are plausible (95 %); None without photos."""
        both, only_first, only_second, neither = self.counts
        return paired_difference_interval(both, only_second, only_first, neither) if self.num_photos else None


def compare(first: Contender, second: Contender) -> Comparison:
    """Judge two models by the same photos.

    Photos that decided nothing about either come first; only where the two share none of them, those count too that
    chose an epoch. Classes are matched by name, capitals and spaces aside. A photo that one of them learned from never
    counts.
    """
    unseen = _sort_out(_Side(first, with_validation=False), _Side(second, with_validation=False))
    return unseen if unseen.num_photos else _sort_out(_Side(first), _Side(second))


def never_seen(contender: Contender, other: Contender) -> dict[str, int]:
    """Photos that judge another model and that this one could be asked about: they had no part in making it.

    Returns:
        True class in the contender's numbering by photo hash, of classes that it knows; photos that it was asked about
        already are left out, and so are those that are in two classes.
    """
    numbers = {name_key(name): index for index, name in enumerate(contender.class_names)}
    known = contender.learned_from | set(contender.unseen.hashes) | set(contender.validation.hashes)
    found: dict[str, set[str]] = defaultdict(set)
    for photo_hash, class_index in zip(other.judged.hashes, other.judged.class_indices, strict=True):
        found[photo_hash].add(name_key(other.class_names[class_index]))
    single = {photo_hash: keys.pop() for photo_hash, keys in found.items() if len(keys) == 1}
    return {
        photo_hash: numbers[key] for photo_hash, key in single.items() if key in numbers and photo_hash not in known
    }


class _Side:
    """One model, by photo."""

    def __init__(self, contender: Contender, *, with_validation: bool = True) -> None:
        self.contender = contender
        self.keys = tuple(map(name_key, contender.class_names))
        self.names = dict(zip(self.keys, contender.class_names, strict=True))
        self.validation = set(contender.validation.hashes)
        self.said: dict[str, Said] = {}
        self.classes: dict[str, set[str]] = defaultdict(set)  # keys of the true classes
        for answers in (contender.unseen, contender.validation) if with_validation else (contender.unseen,):
            for photo_hash, true_key, said in self._read(answers):
                self.said.setdefault(photo_hash, said)
                self.classes[photo_hash].add(true_key)

    def _read(self, answers: Answers) -> Iterator[tuple[str, str, Said]]:
        if not len(answers):
            return
        names = self.contender.class_names
        certainty = calibrated(answers.probabilities, self.contender.temperature).max(axis=1)
        rows = zip(answers.hashes, answers.class_indices, answers.predicted, certainty, strict=True)
        for photo_hash, true_index, index, probability in rows:
            said = Said(
                class_index=int(index),
                class_name=names[index],
                probability=float(probability),
                is_right=bool(index == true_index),
            )
            yield photo_hash, self.keys[true_index], said


def _sort_out(first: _Side, second: _Side) -> Comparison:
    photos: list[CommonPhoto] = []
    excluded: Counter[Exclusion] = Counter()
    for photo_hash in dict.fromkeys([*first.said, *second.said]):
        reason = _reason_against(photo_hash, first, second)
        if reason is not None:
            excluded[reason] += 1
            continue
        (key,) = first.classes[photo_hash]
        mine, theirs = first.said[photo_hash], second.said[photo_hash]
        photos.append(
            CommonPhoto(
                photo_hash=photo_hash,
                class_name=first.names[key],
                first=mine,
                second=theirs,
                has_decided=photo_hash in first.validation or photo_hash in second.validation,
                is_disputed=first.keys[mine.class_index] != second.keys[theirs.class_index],
            )
        )
    found = Counter((photo.first.is_right, photo.second.is_right) for photo in photos)
    return Comparison(
        photos=tuple(photos),
        counts=(found[True, True], found[True, False], found[False, True], found[False, False]),
        num_decided=sum(photo.has_decided for photo in photos),
        excluded=dict(excluded),
        classes_of_first_only=tuple(name for key, name in first.names.items() if key not in second.names),
        classes_of_second_only=tuple(name for key, name in second.names.items() if key not in first.names),
    )


def _reason_against(photo_hash: str, first: _Side, second: _Side) -> Exclusion | None:
    classes = first.classes.get(photo_hash, _NO_CLASSES) | second.classes.get(photo_hash, _NO_CLASSES)
    if photo_hash in first.contender.learned_from or photo_hash in second.contender.learned_from:
        return Exclusion.LEARNED
    if len(classes) > 1:
        return Exclusion.DISPUTED
    if not (classes <= first.names.keys() and classes <= second.names.keys()):
        return Exclusion.CLASS_UNKNOWN
    if photo_hash in first.said and photo_hash in second.said:
        return None
    asked, silent = (first, second) if photo_hash in first.said else (second, first)
    if photo_hash in silent.validation:
        return Exclusion.DECIDED
    return Exclusion.ONLY_FIRST if asked is first else Exclusion.ONLY_SECOND
