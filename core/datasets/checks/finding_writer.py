"""Findings in words: what of a kind was found, how often, and whether most of a class or of the dataset is like it."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from core.datasets.checks.findings import Finding, Loss, Remedy, RemedyKind, counted
from core.datasets.checks.kinds import finding_key, group_key
from core.datasets.checks.photo_checks import words_of
from core.datasets.checks.together import MOST, most_classes
from core.datasets.records import ClassView, ImageView

# Fewer photos of a class are faults of single photos, however small the class is.
_MIN_USUAL = 4
MAX_CLASSES_NAMED = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """What is found of one kind, before it is put into words."""

    kind: str
    keys: Sequence[str]  # of each group, or else of each image
    image_ids: Sequence[int]
    groups: Sequence[tuple[int, ...]] = ()
    remedy: Remedy | None = None
    choices: Sequence[tuple[Remedy, ...]] = ()
    options: Sequence[Remedy] = field(default_factory=list)


class FindingWriter:
    """Puts what was found in one dataset into words."""

    def __init__(self, classes: Sequence[ClassView], images: Sequence[ImageView]) -> None:
        self._classes = classes
        self._num_images = len(images)
        self._sizes = Counter(image.class_id for image in images)
        self._names = {each.id: each.name for each in classes}
        self._class_of = {image.id: image.class_id for image in images}

    def losses(self, image_ids: Iterable[int]) -> list[Loss]:
        """What each class would lose with these images."""
        by_class = defaultdict[int, list[int]](list)
        for image_id in image_ids:
            by_class[self._class_of[image_id]].append(image_id)
        return [
            Loss(class_name=each.name, num_images=self._sizes[each.id], image_ids=tuple(by_class[each.id]))
            for each in self._classes
            if each.id in by_class
        ]

    def of_groups(
        self,
        kind: str,
        groups: Sequence[Sequence[ImageView]],
        *,
        remedy: Remedy | None = None,
        choices: Sequence[tuple[Remedy, ...]] = (),
        options: Sequence[Remedy | None] = (),
    ) -> Finding | None:
        """A finding about groups of images; None where there are none."""
        return self.finding(
            Draft(
                kind=kind,
                keys=[group_key(kind, (image.photo_hash for image in group)) for group in groups],
                image_ids=[image.id for group in groups for image in group],
                groups=[tuple(image.id for image in group) for group in groups],
                remedy=remedy,
                choices=choices,
                options=[option for option in options if option is not None],
            )
        )

    def finding(self, draft: Draft) -> Finding | None:
        """Put into words what was found; None where that is nothing."""
        if not draft.keys:
            return None
        words = words_of(draft.kind)
        numbers = counted(len(draft.image_ids), len(draft.groups) if draft.groups else None)
        remedy, options = draft.remedy, tuple(draft.options)
        why = words.why
        usual = self._usual_classes(draft) if words.usual else []
        is_usual = bool(words.usual) and (bool(usual) or self._is_most_of_all(draft))
        if is_usual:
            names = [f"“{self._names[class_id]}”" for class_id in usual]
            numbers += f", most of {in_sentence(names) if names else 'the dataset'}"
            why = f"{why} {words.usual}"
            if remedy is not None and remedy.kind is RemedyKind.KEEP_ONE:
                options = (remedy, *options)
            remedy = None
        return Finding(
            key=finding_key(draft.kind, sorted(draft.keys)),
            kind=draft.kind,
            title=f"{words.title}: {numbers}",
            why=why,
            remedy=remedy,
            image_ids=tuple(draft.image_ids),
            groups=tuple(draft.groups),
            member_keys=tuple(draft.keys),
            choices=tuple(draft.choices),
            class_ids=tuple(usual),
            is_usual=is_usual,
            options=options,
        )

    def _usual_classes(self, draft: Draft) -> list[int]:
        counts = Counter(self._class_of[image_id] for image_id in draft.image_ids)
        often = (class_id for class_id in counts.elements() if counts[class_id] >= _MIN_USUAL)
        return most_classes(often, self._sizes)

    def _is_most_of_all(self, draft: Draft) -> bool:
        return len(draft.image_ids) >= _MIN_USUAL and len(draft.image_ids) > MOST * self._num_images


def in_sentence(names: Sequence[str]) -> str:
    """Names as in a sentence, the first few of them."""
    if len(names) > MAX_CLASSES_NAMED:
        names = [*names[:MAX_CLASSES_NAMED], f"{len(names) - MAX_CLASSES_NAMED:,} more"]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
