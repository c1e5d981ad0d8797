"""Which photos of a dataset belong together, so that they must be on one side of a split: the same for all who ask.

Photos belong together that are the same, of one capture, renderings of one photo (by their names), or nearly the same.
Near-duplicates are joined through others too: a photo between two others must not let one be learned and the other
asked about. Where that joins most of a class, being alike says nothing any more: a chain is cut into groups round one
photo each that all of it are like; and where even one photo is like many of the others, it is a fixed camera, a
microscope or a set of drawings, and only photos that follow each other stay together.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from core.datasets.checks.kinds import FindingKind, group_key
from core.datasets.checks.near_duplicates import stars
from core.datasets.checks.renderings import are_numbered, number_key, related_by_name
from core.datasets.connected import clusters
from core.datasets.records import ImageView, Likeness

# More than this share of a class or of the dataset is "most" of it.
MOST = 0.5
# Fewer photos are never most of a dataset: three copies in a class of five are three copies.
_MIN_MOST = 10
# A class all of whose photos are alike has none left to judge it by, however small it is.
_MIN_WHOLE_CLASS = 4
# A photo that more than this share of a large group is like says that the group is one scene, and no chain.
_ONE_SCENE = 0.1
# Blocks of photos that follow each other: long ones have few borders, at which photos are alike; many are needed to
# come close to the shares asked for.
_BLOCK_PHOTOS = 5
_MIN_BLOCKS, _MAX_BLOCKS = 7, 20

# What binds photos to each other: who says of a group that it is fine says it of the same photos whatever bound them.
BINDING_KINDS = frozenset({FindingKind.NEAR_DUPLICATES, FindingKind.RENDERINGS, FindingKind.IN_TWO_SPLITS})

Positions = tuple[int, ...]
Edge = tuple[int, int]


class Neighbours(StrEnum):
    """Whether photos that follow each other, by the numbers in their names or as they came, stay together."""

    WHERE_ALIKE = "where_alike"  # where most photos show one scene, so that nothing else tells which belong together
    ALWAYS = "always"
    NEVER = "never"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kinship:
    """What belongs together in a dataset; groups are of positions in the images given, ascending."""

    groups: tuple[Positions, ...]  # what a split must keep on one side; of two images or more, none in two groups
    near: tuple[Positions, ...]  # near-duplicates of one class, all of them like one photo; one image of each capture
    scenes: tuple[Positions, ...]  # images that are alike as those of a fixed camera are
    related: tuple[Positions, ...]  # renderings of one photo, frames of one film


def find_kinship(
    images: Sequence[ImageView], likeness: Likeness, neighbours: Neighbours = Neighbours.WHERE_ALIKE
) -> Kinship:
    """Find what belongs together in a dataset.

    Args:
        images: all images out of the trash, by number.
        likeness: what is known about how alike their photos are; groups that were dismissed bind nothing.
        neighbours: whether photos that follow each other stay together.
    """
    search = _Search(images, likeness)
    units, sequences = search.units()
    if neighbours is Neighbours.ALWAYS:
        units = search.blocks(units, range(len(images)))
    elif neighbours is Neighbours.WHERE_ALIKE:
        for sequence in sequences:
            units = search.blocks(units, sequence)
    return Kinship(
        groups=tuple(sorted(unit for unit in units if len(unit) > 1)),
        near=tuple(sorted(search.near)),
        scenes=tuple(search.scenes),
        related=tuple(search.related),
    )


def is_dismissed(key: str, dismissed: Collection[str]) -> bool:
    """Whether somebody has said that a finding, group or photo is fine, for whatever reason its photos are bound."""
    kind, _, digest = key.partition(":")
    kinds = BINDING_KINDS if kind in BINDING_KINDS else (kind,)
    return any(f"{each}:{digest}" in dismissed for each in kinds)


def most_classes(class_ids: Iterable[int], sizes: Mapping[int, int]) -> list[int]:
    """Classes of which more than half is among images of these classes; `sizes` has the images of each class."""
    return sorted(class_id for class_id, number in Counter(class_ids).items() if number > MOST * sizes[class_id])


class _Search:
    """The search for what belongs together among images."""

    def __init__(self, images: Sequence[ImageView], likeness: Likeness) -> None:
        self._images = images
        self._likeness = likeness
        self._sizes = Counter(image.class_id for image in images)
        self._photo_edges = _edges_of_equal([image.photo_hash for image in images])
        self._capture_edges = _edges_of_equal([image.capture_id for image in images])
        self._images_of = defaultdict[str, list[int]](list)
        for position, image in enumerate(images):
            self._images_of[image.photo_hash].append(position)
        self.near: list[Positions] = []
        self.scenes: list[Positions] = []
        edges = self._usable_edges()
        self._near_edges = self._find_near(edges)
        related = related_by_name([image.name for image in images], [image.class_id for image in images], edges)
        # Several images of one photo are copies, whatever they are called.
        self.related = [tuple(group) for group in related if len(self._hashes(group)) > 1]

    def units(self) -> tuple[list[Positions], list[Positions]]:
        """All images in units that a split must not part, most of them alone; and sequences that were cut into them.

        What is joined by likeness is cut first, then what is joined by names; copies and captures never are.
        """
        same = self._photo_edges + self._capture_edges
        kin = same + _chained(group for group in self.related if not self._is_fine(FindingKind.RENDERINGS, group))
        of_same, of_kin = (self._labels(edges) for edges in (same, kin))
        units: list[Positions] = []
        sequences = list(self.scenes)
        for component in _parts(range(len(self._images)), self._labels(kin + self._near_edges)):
            if len(component) == 1:
                units.append(component)
                continue
            parts = _parts(component, of_kin)
            if not self._is_whole_class(component) and not any(map(self._is_most, parts)):
                parts = [component]
            for part in parts:
                smaller = _parts(part, of_same) if self._is_most(part) else [part]
                units += smaller
                if len(smaller) > 1:
                    sequences.append(part)
        fine = [unit for unit in units if len(unit) > 1 and self._is_fine(FindingKind.IN_TWO_SPLITS, unit)]
        alone = [(position,) for unit in fine for position in unit]
        return sorted({*units} - {*fine} | {*alone}), sequences

    def blocks(self, units: Sequence[Positions], chosen: Collection[int]) -> list[Positions]:
        """The units, those with chosen images in blocks of units of one class that follow each other."""
        wanted = set(chosen)
        by_class = defaultdict[int, list[Positions]](list)
        result = [unit for unit in units if wanted.isdisjoint(unit)]
        for unit in units:
            if not wanted.isdisjoint(unit):
                by_class[self._images[unit[0]].class_id].append(unit)
        for of_class in by_class.values():
            num_images = sum(map(len, of_class))
            num_blocks = min(_MAX_BLOCKS, max(_MIN_BLOCKS, num_images // _BLOCK_PHOTOS))
            blocks = defaultdict[int, list[int]](list)
            before = 0
            for unit in self._in_order(of_class):
                blocks[before * num_blocks // num_images] += unit
                before += len(unit)
            result += [tuple(sorted(block)) for block in blocks.values()]
        return result

    def _find_near(self, edges: list[Edge]) -> list[Edge]:
        """Fill `near` and `scenes`, and find the pairs of near-duplicates that bind."""
        # Photos of one burst are alike anyway: what counts is which others each of them is like.
        captures = [image.capture_id for image in self._images]
        apart = [edge for edge in edges if captures[edge[0]] is None or captures[edge[0]] != captures[edge[1]]]
        found = stars(len(self._images), apart)
        of_star = {position: number for number, star in enumerate(found) for position in star}
        stars_found = defaultdict[int, list[int]](list)
        for position, number in of_star.items():
            stars_found[number] += self._images_of[self._images[position].photo_hash]
        labels = self._labels(edges + self._photo_edges)
        is_scene: dict[int, bool] = {}  # of the large components, by label
        for component in _parts(range(len(self._images)), labels):
            if self._is_most(component) and len(self._origins(component)) > 1:
                largest = max((len(stars_found[of_star[each]]) for each in component if each in of_star), default=0)
                is_scene[labels[component[0]]] = largest > _ONE_SCENE * len(component)
                if is_scene[labels[component[0]]]:
                    self.scenes.append(component)
        fine: set[int] = set()
        shown: set[int] = set()
        for star in stars_found.values():
            if is_scene.get(labels[star[0]]):
                continue
            for members in self._by_class(star):
                group = self._one_of_each(members)
                if len(group) > 1:
                    self.near.append(group)
                    shown.update(members)
                    if self._is_fine(FindingKind.NEAR_DUPLICATES, group):
                        fine.update(members)
        binding = []
        for first, second in edges:
            is_chain = labels[first] in is_scene and of_star.get(first, -1) != of_star.get(second, -2)
            is_fine = (first in fine and (second in fine or second not in shown)) or (
                second in fine and first not in shown
            )
            if not (is_scene.get(labels[first]) or is_chain or is_fine):
                binding.append((first, second))
        return binding

    def _usable_edges(self) -> list[Edge]:
        """Pairs of near-duplicates; what is a mirror image in another class, left and right, is none."""
        classes_of = {
            photo_hash: {self._images[position].class_id for position in positions}
            for photo_hash, positions in self._images_of.items()
        }
        return [
            (self._images_of[first][0], self._images_of[second][0])
            for first, second in sorted(self._likeness.pairs)
            if first in classes_of
            and second in classes_of
            and ((first, second) not in self._likeness.mirrored or not classes_of[first].isdisjoint(classes_of[second]))
        ]

    def _labels(self, edges: Collection[Edge]) -> list[int]:
        """For each image the first one that it is connected to."""
        labels = list(range(len(self._images)))
        for cluster in clusters(len(self._images), edges):
            for position in cluster:
                labels[position] = cluster[0]
        return labels

    def _is_most(self, positions: Sequence[int]) -> bool:
        """Whether a group is most of a class or of the dataset."""
        if len(positions) < _MIN_WHOLE_CLASS:
            return False
        if len(positions) >= _MIN_MOST and len(positions) > MOST * len(self._images):
            return True
        counts = Counter(self._images[position].class_id for position in positions)
        return self._is_whole_class(positions) or any(
            number >= _MIN_MOST and number > MOST * self._sizes[class_id] for class_id, number in counts.items()
        )

    def _is_whole_class(self, positions: Sequence[int]) -> bool:
        """Whether nothing is left of some class, so that it cannot be on two sides of a split."""
        if len(positions) < _MIN_WHOLE_CLASS:
            return False
        counts = Counter(self._images[position].class_id for position in positions)
        return any(
            number >= _MIN_WHOLE_CLASS and number == self._sizes[class_id] for class_id, number in counts.items()
        )

    def _is_fine(self, kind: FindingKind, positions: Sequence[int]) -> bool:
        if not self._likeness.dismissed:
            return False
        return is_dismissed(group_key(kind, self._hashes(positions)), self._likeness.dismissed)

    def _hashes(self, positions: Iterable[int]) -> set[str]:
        return {self._images[position].photo_hash for position in positions}

    def _origins(self, positions: Iterable[int]) -> set[Hashable]:
        """What the images come from: photos of one capture are meant to be alike."""
        return {self._images[each].capture_id or self._images[each].photo_hash for each in positions}

    def _by_class(self, positions: Iterable[int]) -> list[list[int]]:
        by_class = defaultdict[int, list[int]](list)
        for position in sorted(positions):
            by_class[self._images[position].class_id].append(position)
        return list(by_class.values())

    def _one_of_each(self, positions: Sequence[int]) -> Positions:
        """One image of each photo and of each capture, the first."""
        of_photo = {self._images[position].photo_hash: position for position in reversed(positions)}
        of_origin = {
            self._images[position].capture_id or self._images[position].photo_hash: position
            for position in sorted(of_photo.values(), reverse=True)
        }
        return tuple(sorted(of_origin.values()))

    def _in_order(self, units: Sequence[Positions]) -> list[Positions]:
        """Units of one class by the numbers in their names where they are numbered, else as they came."""
        if not are_numbered([self._images[unit[0]].name for unit in units]):
            return sorted(units, key=lambda unit: self._images[unit[0]].id)
        return sorted(units, key=self._name_key)

    def _name_key(self, unit: Positions) -> tuple[Any, int]:
        image = self._images[unit[0]]
        return number_key(image.name), image.id


def _parts(positions: Iterable[int], labels: Sequence[int]) -> list[Positions]:
    """Positions of equal labels, each group in the order given."""
    parts = defaultdict[int, list[int]](list)
    for position in positions:
        parts[labels[position]].append(position)
    return [tuple(part) for part in parts.values()]


def _edges_of_equal(keys: Sequence[Hashable]) -> list[Edge]:
    """Each position with the first of the same key; None is equal to nothing."""
    firsts: dict[Hashable, int] = {}
    return [
        (firsts[key], position)
        for position, key in enumerate(keys)
        if key is not None and firsts.setdefault(key, position) != position
    ]


def _chained(groups: Iterable[Sequence[int]]) -> list[Edge]:
    return [(group[0], other) for group in groups for other in group[1:]]
