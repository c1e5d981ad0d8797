"""What has become of a dataset since a run froze it: what the run would learn anew if it were trained again."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.datasets.records import ClassView, ImageView, Review, SnapshotView, Split

_Row = tuple[str, str, Split | None]  # photo hash, class name, split


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetChanges:
    """How a dataset differs from a snapshot of it, in photos; each photo counts in one place at most."""

    num_relabelled: int  # that are in another class
    num_removed: int  # deleted, or marked as unsure
    num_added: int  # new, restored, or marked as unsure when the snapshot was taken
    num_moved_split: int  # that are in another split of the same class
    renamed_classes: tuple[tuple[str, str], ...] = ()  # (name then, name now), sorted; their photos do not count

    @property
    def total(self) -> int:
        """Photos that have changed."""
        return self.num_relabelled + self.num_removed + self.num_added + self.num_moved_split


def changes_since(snapshot: SnapshotView, images: Iterable[ImageView], classes: Iterable[ClassView]) -> DatasetChanges:
    """Compare a dataset with a snapshot of it.

    Args:
        snapshot: as a run learned from it.
        images: of the dataset now, without its trash.
        classes: of the dataset now, without its trash.
    """
    names = {view.id: view.name for view in classes}
    then = [(each.photo_hash, snapshot.class_names[each.class_index], each.split) for each in snapshot.images]
    now = [
        (image.photo_hash, names[image.class_id], image.split)
        for image in images
        if image.review is not Review.UNSURE and image.class_id in names
    ]
    renamed = find_renamed(_only_classes(then), _only_classes(now), (snapshot.class_names, set(names.values())))
    rows_then = Counter[_Row]((photo_hash, renamed.get(name, name), split) for photo_hash, name, split in then)
    rows_now = Counter[_Row](now)
    return _count(rows_then - rows_now, rows_now - rows_then, tuple(sorted(renamed.items())))


def find_renamed(
    then: Mapping[str, str], now: Mapping[str, str], class_names: tuple[Collection[str], Collection[str]]
) -> dict[str, str]:
    """Which classes have only got another name.

    A class that is gone was renamed when more than half of its photos that are still there are in one class that was
    not there before. Two classes that became one were not renamed both: the one with more photos was.

    Args:
        then: photo hash to class name, as it was.
        now: the same, as it is.
        class_names: of all classes that there were, and of all that there are.

    Returns:
        Name then to name now.
    """
    gone, new = set(class_names[0]) - set(class_names[1]), set(class_names[1]) - set(class_names[0])
    if not gone or not new:
        return {}
    pairs = Counter((name, now[photo_hash]) for photo_hash, name in then.items() if name in gone and photo_hash in now)
    sizes = Counter[str]()
    for (name, _), number in pairs.items():
        sizes[name] += number
    renamed: dict[str, str] = {}
    for (old, name), number in sorted(pairs.items(), key=lambda item: (-item[1], item[0])):
        if name in new and 2 * number > sizes[old] and name not in renamed.values():
            renamed[old] = name
    return renamed


def _only_classes(rows: Sequence[_Row]) -> dict[str, str]:
    """The class of each photo that is in one class only."""
    classes: defaultdict[str, set[str]] = defaultdict(set)
    for photo_hash, name, _ in rows:
        classes[photo_hash].add(name)
    return {photo_hash: next(iter(found)) for photo_hash, found in classes.items() if len(found) == 1}


def _count(
    gone: Mapping[_Row, int], come: Mapping[_Row, int], renamed_classes: tuple[tuple[str, str], ...]
) -> DatasetChanges:
    """Tell what became of the rows that are gone: those that came for the same photo explain them."""
    classes_gone, classes_come = _classes_by_photo(gone), _classes_by_photo(come)
    num_relabelled = num_removed = num_added = num_moved_split = 0
    for photo_hash in classes_gone.keys() | classes_come.keys():
        lost, won = classes_gone[photo_hash], classes_come[photo_hash]
        num_same = (lost & won).total()
        num_lost, num_won = lost.total() - num_same, won.total() - num_same
        num_moved_split += num_same
        num_relabelled += min(num_lost, num_won)
        num_removed += max(0, num_lost - num_won)
        num_added += max(0, num_won - num_lost)
    return DatasetChanges(
        num_relabelled=num_relabelled,
        num_removed=num_removed,
        num_added=num_added,
        num_moved_split=num_moved_split,
        renamed_classes=renamed_classes,
    )


def _classes_by_photo(rows: Mapping[_Row, int]) -> defaultdict[str, Counter[str]]:
    classes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for (photo_hash, name, _), number in rows.items():
        classes[photo_hash][name] += number
    return classes
