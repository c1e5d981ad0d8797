"""A finding: something that may be wrong with a dataset, in plain words, with what one click can do about it.

No click surprises: one that takes photos away says how many of which class, none takes most of a class, and what most
photos of a class have in common is no fault of theirs (`Finding.is_usual`): nothing is offered that takes them away.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from core.datasets.checks.kinds import FindingKind as FindingKind
from core.datasets.checks.kinds import finding_key
from core.datasets.checks.together import MOST, is_dismissed
from core.datasets.records import Split
from core.records import Record

# Of a class; a click that takes more says so of this class.
_WORTH_SAYING = 0.1
_MAX_CLASSES_NAMED = 3


class RemedyKind(StrEnum):
    """What one click does about it."""

    TRASH_IMAGES = "trash_images"  # move `image_ids` to the trash
    KEEP_ONE = "keep_one"  # the same: `image_ids` are those that are not kept
    MOVE_TOGETHER = "move_together"  # bring `image_ids` to the split that `moves` names for them
    SPLIT_AGAIN = "split_again"  # let the split be made anew


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss(Record):
    """What a remedy takes from one class."""

    is_json_row = True

    class_name: str
    num_images: int  # that the class has now
    image_ids: tuple[int, ...]  # those of them that go to the trash

    @property
    def share(self) -> float:
        """Part of the class that goes, 0-1."""
        return len(self.image_ids) / self.num_images


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy(Record):
    """What one click does about a finding."""

    kind: RemedyKind
    label: str  # of the button
    image_ids: tuple[int, ...] = ()  # every image that is changed
    moves: tuple[tuple[Split, tuple[int, ...]], ...] = ()  # for `MOVE_TOGETHER`: which images go to which split
    losses: tuple[Loss, ...] = ()  # where images go to the trash: what each class loses
    lead: str = ""  # where images go to the trash: how the label begins

    def only(self, image_ids: Collection[int]) -> "Remedy | None":
        """The same for some of the images; None when nothing is left to do."""
        if self.kind is RemedyKind.SPLIT_AGAIN:
            return self
        if self.losses:
            losses = (replace(loss, image_ids=_only(loss.image_ids, image_ids)) for loss in self.losses)
            return removal(self.kind, self.lead, losses)
        moves = tuple((split, _only(moved, image_ids)) for split, moved in self.moves)
        left = _only(self.image_ids, image_ids)
        return replace(self, image_ids=left, moves=moves) if left else None


def removal(
    kind: RemedyKind, lead: str, losses: Iterable[Loss], *, most: float = MOST, is_always_counted: bool = True
) -> Remedy | None:
    """A remedy that takes images away and says so.

    Args:
        kind: `TRASH_IMAGES` or `KEEP_ONE`.
        lead: how the label begins, such as "Keep one of each"; empty: the label says only what is taken.
        losses: what each class loses.
        most: share of a class, 0-1, beyond which there is no such remedy.
        is_always_counted: whether the label has the numbers even when no class loses much.

    Returns:
        None when nothing is to be taken, or more than `most` of some class, or all of it.
    """
    losses = tuple(loss for loss in losses if loss.image_ids)
    if not losses or any(loss.share > most or loss.share >= 1 for loss in losses):
        return None
    label = lead
    if is_always_counted or any(loss.share > _WORTH_SAYING for loss in losses):
        taken = f"put {_in_words(losses)} into the trash"
        label = f"{lead}: {taken}" if lead else taken[0].upper() + taken[1:]
    image_ids = tuple(sorted(image_id for loss in losses for image_id in loss.image_ids))
    return Remedy(kind=kind, label=label, image_ids=image_ids, losses=losses, lead=lead)


def _in_words(losses: Sequence[Loss]) -> str:
    if len(losses) == 1:
        return _of_class(losses[0], "photos of ")
    total = f"{sum(len(loss.image_ids) for loss in losses):,} photos"
    much = sorted((loss for loss in losses if loss.share > _WORTH_SAYING), key=lambda loss: -loss.share)
    if not much:
        return total
    named = ", ".join(_of_class(loss, "of ") for loss in much[:_MAX_CLASSES_NAMED])
    more = f" and more than a tenth of {len(much) - _MAX_CLASSES_NAMED:,} more classes"
    return f"{total} ({named}{more if len(much) > _MAX_CLASSES_NAMED else ''})"


def _of_class(loss: Loss, of: str) -> str:
    return f"{len(loss.image_ids):,} of {loss.num_images:,} {of}“{loss.class_name}”"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding(Record):
    """Something that may be wrong."""

    json_remedy = "let the photos be checked again"

    key: str  # the same whenever the same photos are found for the same reason
    kind: str  # a `FindingKind`, or that of a `PhotoCheck`
    title: str  # one line
    why: str  # why it matters, one or two sentences
    remedy: Remedy | None
    image_ids: tuple[int, ...]  # every image concerned
    groups: tuple[tuple[int, ...], ...] = ()  # images that belong together, where pairs or groups are found
    # For each group, or else for each image, what to dismiss so that it is not found again when others join it.
    member_keys: tuple[str, ...] = ()
    # For each group what can be done about it alone: the person chooses one. Empty where there is nothing to choose.
    choices: tuple[tuple[Remedy, ...], ...] = ()
    class_ids: tuple[int, ...] = ()  # the classes concerned, where it is about classes
    # Most photos of a class or of the dataset are like this: it is how they are, not a fault of single photos.
    is_usual: bool = False
    # What else one click can do about all of it; never what is suggested first.
    options: tuple[Remedy, ...] = ()

    @property
    def dismissal_keys(self) -> tuple[str, ...]:
        """What to note as dismissed, so that exactly what is shown now is not shown again."""
        return self.member_keys or (self.key,)

    @classmethod
    def _renewed(cls, values: Mapping[str, Any]) -> Mapping[str, Any]:
        if "options" in values:
            return values
        # Of before findings said what they take from each class.
        (remedy,) = _told_remedies([values.get("remedy")]) or [None]
        return {**values, "remedy": remedy, "choices": list(map(_told_remedies, values.get("choices", ())))}


def _told_remedies(contents: Iterable[Any]) -> list[Any]:
    """Remedies of an earlier version without those that did not say what they take from each class."""
    takers = (RemedyKind.TRASH_IMAGES, RemedyKind.KEEP_ONE)
    return [content for content in contents if content and (content.get("losses") or content.get("kind") not in takers)]


def without_dismissed(findings: Iterable[Finding], dismissed: Collection[str]) -> list[Finding]:
    """The findings that are still to be shown; dismissed groups and photos are taken out of them."""
    remaining = (_without_members(finding, dismissed) for finding in findings if finding.key not in dismissed)
    return [finding for finding in remaining if finding is not None]


def _without_members(finding: Finding, dismissed: Collection[str]) -> Finding | None:
    is_kept = [not is_dismissed(key, dismissed) for key in finding.member_keys]
    if all(is_kept):
        return finding
    members = finding.groups or tuple((image_id,) for image_id in finding.image_ids)
    kept = tuple(member for member, keep in zip(members, is_kept, strict=True) if keep)
    if not kept:
        return None
    image_ids = tuple(image_id for member in kept for image_id in member)
    keys = tuple(key for key, keep in zip(finding.member_keys, is_kept, strict=True) if keep)
    options = (option.only(image_ids) for option in finding.options)
    return replace(
        finding,
        key=finding_key(finding.kind, sorted(keys)),
        title=f"{finding.title.partition(':')[0]}: {counted(len(image_ids), len(kept) if finding.groups else None)}",
        remedy=finding.remedy and finding.remedy.only(image_ids),
        options=tuple(option for option in options if option is not None),
        image_ids=image_ids,
        groups=kept if finding.groups else (),
        member_keys=keys,
        choices=tuple(each for each, keep in zip(finding.choices, is_kept, strict=True) if keep)
        if finding.choices
        else (),
    )


def counted(num_photos: int, num_groups: int | None = None) -> str:
    """Numbers of photos and, where they are in groups, of groups, in words: "5 photos in 2 groups"."""
    photos = "1 photo" if num_photos == 1 else f"{num_photos:,} photos"
    if num_groups is None:
        return photos
    return f"{photos} in 1 group" if num_groups == 1 else f"{photos} in {num_groups:,} groups"


def _only(image_ids: Iterable[int], wanted: Collection[int]) -> tuple[int, ...]:
    return tuple(image_id for image_id in image_ids if image_id in wanted)
