"""The classes that a network answers with, and how its probabilities become a list of the likeliest ones."""

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from core import imagenet
from core.records import Record


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction(Record):
    """One class with the probability a network gives it."""

    is_json_row = True

    index: int  # position among the network's outputs, from 0
    label: str  # as people read it; of a trained model whatever a person called the class
    probability: float  # 0-1
    wnid: str | None = None  # WordNet id, such as n02106662; only ImageNet's classes have one


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassTable:
    """Classes in the order of a network's outputs."""

    labels: tuple[str, ...]
    wnids: tuple[str, ...] | None = None  # of each class; None: they are not ImageNet's
    groups: tuple[str, ...] | None = None  # everyday kind of each class, such as "dog"; None: they have none

    def __len__(self) -> int:
        return len(self.labels)

    def top(self, probabilities: npt.NDArray[np.floating[Any]], k: int) -> tuple[Prediction, ...]:
        """The `k` likeliest classes, likeliest first, or all where there are fewer; equal ones in their order here.

        Args:
            probabilities: float (classes,), 0-1.
            k: how many, at least 1.
        """
        order = np.argsort(-probabilities, kind="stable")[:k]
        return tuple(
            Prediction(
                index=int(index),
                label=self.labels[index],
                probability=float(probabilities[index]),
                wnid=None if self.wnids is None else self.wnids[index],
            )
            for index in order
        )

    def group_probabilities(self, probabilities: npt.NDArray[np.floating[Any]]) -> dict[str, float]:
        """Sum of the probabilities of each everyday group, likeliest group first; nothing where there are none.

        A network that does not know a blue tit may still be sure that it sees some bird.

        Args:
            probabilities: float (classes,), 0-1.
        """
        if self.groups is None:
            return {}
        names, places = _places_of(self.groups)
        sums = np.bincount(places, weights=probabilities, minlength=len(names))
        return {names[place]: float(sums[place]) for place in np.argsort(-sums, kind="stable")}


@lru_cache(maxsize=8)  # all photos of a network share one table
def _places_of(groups: tuple[str, ...]) -> tuple[tuple[str, ...], npt.NDArray[np.intp]]:
    """The groups in the order in which they first come, and for each class which of them is its own."""
    names = tuple(dict.fromkeys(groups))
    place_of = {name: place for place, name in enumerate(names)}
    return names, np.array([place_of[group] for group in groups], np.intp)


@cache
def imagenet_table() -> ClassTable:
    """The 1,000 classes of ImageNet."""
    classes = imagenet.classes()
    return ClassTable(
        labels=tuple(known.label for known in classes),
        wnids=tuple(known.wnid for known in classes),
        groups=tuple(known.group for known in classes),
    )
