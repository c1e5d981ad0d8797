"""What a plain ImageNet network makes of a person's classes, where its own classes have the same names.

A class of a dataset that is called like an everyday group ("dog", "birds") stands for all ImageNet classes of that
group; one that is called like ImageNet classes ("goldfish"), or like the noun at their end ("retriever"), for these.
The network's answer for the class is the sum of their probabilities.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from core import imagenet
from core.evaluation.answers import Answers
from core.names import name_key

# Groups that are no everyday word for what is in them, or of which ImageNet knows only odd cases.
_NO_CLASSES = frozenset({"landscape", "object", "person"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassMap:
    """Which ImageNet classes the classes of a dataset stand for."""

    class_names: tuple[str, ...]  # of the dataset
    indices: tuple[tuple[int, ...], ...]  # of ImageNet, for each class; none where no name fits

    @property
    def unmapped(self) -> tuple[str, ...]:
        """The classes that ImageNet does not have."""
        return tuple(name for name, found in zip(self.class_names, self.indices, strict=True) if not found)

    @property
    def is_complete(self) -> bool:
        """Whether every class has its counterpart."""
        return bool(self.class_names) and not self.unmapped

    def probabilities(self, of_imagenet: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Sums over the classes that stand for each other, so shared out that they add up to 1.

        Args:
            of_imagenet: float32 (..., 1000), 0-1.

        Returns:
            float32 (..., classes), 0-1. The network is asked which of these classes it is, not whether it is any.

        Raises:
            ValueError: a class has no counterpart.
        """
        if not self.is_complete:
            raise ValueError(f"ImageNet has no class for {', '.join(self.unmapped) or 'nothing'}.")
        columns = [of_imagenet[..., list(found)].sum(axis=-1) for found in self.indices]
        # Where the network gives none of them any chance, all are alike.
        sums = np.maximum(np.stack(columns, axis=-1), np.finfo(np.float32).tiny)
        return np.asarray(sums / sums.sum(axis=-1, keepdims=True), np.float32)


def map_classes(class_names: Sequence[str]) -> ClassMap:
    """Find the ImageNet classes of a dataset's classes by their names.

    An ImageNet class that fits several classes belongs to the narrowest of them: beside "golden retriever", "dog" means
    all other dogs.
    """
    found = [_find(name) for name in class_names]
    indices = []
    for number, mine in enumerate(found):
        narrower = [other for position, other in enumerate(found) if position != number and len(other) <= len(mine)]
        indices.append(tuple(sorted(mine.difference(*narrower))))
    return ClassMap(class_names=tuple(class_names), indices=tuple(indices))


def baseline_answers(
    class_map: ClassMap, asked: Mapping[str, npt.NDArray[np.float32]], class_indices: Mapping[str, int]
) -> Answers:
    """A plain network's answers in the classes of a dataset.

    Args:
        class_map: complete.
        asked: probabilities of ImageNet's classes, float32 (1000,), by photo hash.
        class_indices: true class by photo hash; photos that were not answered are left out.
    """
    hashes = tuple(photo_hash for photo_hash in class_indices if photo_hash in asked)
    of_imagenet = np.stack([asked[each] for each in hashes]) if hashes else np.empty((0, imagenet.NUM_CLASSES))
    return Answers(
        hashes=hashes,
        class_indices=np.array([class_indices[each] for each in hashes], np.int64),
        probabilities=class_map.probabilities(np.asarray(of_imagenet, np.float32)),
    )


def _find(name: str) -> set[int]:
    words = _words(name)
    if not words:
        return set()
    groups = {known.group for known in imagenet.classes()} - _NO_CLASSES
    if any(_words(group) == words for group in groups):
        return {known.index for known in imagenet.classes() if _words(known.group) == words}
    labels = {known.index: _words(known.label) for known in imagenet.classes()}
    exact = {index for index, label in labels.items() if label == words}
    return exact or {index for index, label in labels.items() if label[-len(words) :] == words}


def _words(name: str) -> tuple[str, ...]:
    """The words of a name without plurals."""
    return tuple(_singular(word) for word in re.findall(r"[^\W_]+", name_key(name)))


def _singular(word: str) -> str:
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
