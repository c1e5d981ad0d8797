"""What may be wrong with a dataset, in plain words, with a remedy for each: a pure function of its rows.

The limits were measured on 994 photos of the web (alien-vs-predator and 100 of ImageNet) and on spoilt copies of 398.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from core.datasets.checks.near_duplicates import clusters
from core.datasets.records import ClassView, ImageView, PhotoRecord, Split

# Sharpness divided by the square of the contrast: a photo in fog is not blurred. The least of the 994 photos was 3,532.
# Below the limit: 98 % of those blurred by 0.8 % of their longest side (8 pixels of 1,024), all of those blurred by
# 1.2 %, 22 % of those by 0.4 %, which few people notice; of photos blurred to one side only (by 3 %) 37 %.
BLURRED_BELOW = 2_500.0
# Part of the photo that looks black. One of the photos reaches it, though many show monsters at night (the median of
# those is 0.31); of photos dimmed to 15 % of their light 57 % do, of those dimmed to 8 % all.
DARK_SHARE_FROM = 0.95
# Mean brightness, 0-1. The brightest of the photos, a drawing on white, has 0.904; of ImageNet's photos with five times
# their light 48 % are above. What is between cannot be told from an object on a white ground.
BRIGHT_FROM = 0.92
# Standard deviation of red, green and blue, 0-0.5: the least of the photos was 0.051; of those dimmed to 15 % 0.008.
FLAT_BELOW = 0.02
# Shortest side of the original, px. Shrunk to it, 73 % of ImageNet's photos are still taken for the same thing (at 64:
# 52 %; at 160: 90 %).
TINY_BELOW_PX = 96
# Longest side over shortest: of a wider photo a network that looks at the middle sees less than a third. Two of the 994
# photos are like that; 99 % stay below 2.5.
EXTREME_ASPECT_FROM = 3.0
# Below this a class has two or three validation photos, and each of them changes the accuracy by a third or more.
FEW_PHOTOS_BELOW = 20
# Largest class over smallest: beyond it a network that always answers with the largest class scores 80 % with two
# classes, and looks good.
IMBALANCE_FROM = 4.0


class FindingKind(StrEnum):
    """What may be wrong."""

    EXACT_DUPLICATES = "exact_duplicates"
    NEAR_DUPLICATES = "near_duplicates"
    IN_TWO_CLASSES = "in_two_classes"
    IN_TWO_SPLITS = "in_two_splits"
    MIRRORED_CLASSES = "mirrored_classes"  # classes that are each other's mirror images; `class_ids` names them
    FIXED_CAMERA = "fixed_camera"  # most photos show one scene
    RENDERINGS = "renderings"  # one photo in several forms: in colour, in grey, cut out, turned
    BLURRED = "blurred"
    DARK = "dark"
    BRIGHT = "bright"
    FLAT = "flat"
    TINY = "tiny"
    EXTREME_ASPECT = "extreme_aspect"
    FEW_PHOTOS = "few_photos"
    IMBALANCE = "imbalance"
    NO_VALIDATION = "no_validation"
    ROUGH_SEARCH = "rough_search"


class RemedyKind(StrEnum):
    """What one click does about it."""

    TRASH_IMAGES = "trash_images"  # move `image_ids` to the trash
    KEEP_ONE = "keep_one"  # the same: `image_ids` are those that are not kept
    MOVE_TOGETHER = "move_together"  # bring `image_ids` to the split that `moves` names for them
    SPLIT_AGAIN = "split_again"  # let the split be made anew


@dataclass(frozen=True, slots=True, kw_only=True)
class Remedy:
    """What one click does about a finding."""

    kind: RemedyKind
    label: str  # of the button
    image_ids: tuple[int, ...] = ()  # every image that is changed
    moves: tuple[tuple[Split, tuple[int, ...]], ...] = ()  # for `MOVE_TOGETHER`: which images go to which split

    def to_json(self) -> dict[str, Any]:
        """The remedy as JSON can hold it."""
        return {
            "kind": self.kind.value,
            "label": self.label,
            "image_ids": list(self.image_ids),
            "moves": [[split.value, list(image_ids)] for split, image_ids in self.moves],
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Remedy":
        """The remedy that `to_json` wrote."""
        return cls(
            kind=RemedyKind(content["kind"]),
            label=content["label"],
            image_ids=tuple(content["image_ids"]),
            moves=tuple((Split(split), tuple(image_ids)) for split, image_ids in content["moves"]),
        )

    def only(self, image_ids: Collection[int]) -> "Remedy":
        """The same for some of the images."""
        moves = tuple((split, _only(moved, image_ids)) for split, moved in self.moves)
        return replace(self, image_ids=_only(self.image_ids, image_ids), moves=moves)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that may be wrong."""

    key: str  # the same whenever the same photos are found for the same reason
    kind: FindingKind
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

    @property
    def dismissal_keys(self) -> tuple[str, ...]:
        """What to note as dismissed, so that exactly what is shown now is not shown again."""
        return self.member_keys or (self.key,)

    def to_json(self) -> dict[str, Any]:
        """The finding as JSON can hold it."""
        return {
            "key": self.key,
            "kind": self.kind.value,
            "title": self.title,
            "why": self.why,
            "remedy": self.remedy and self.remedy.to_json(),
            "image_ids": list(self.image_ids),
            "groups": [list(group) for group in self.groups],
            "member_keys": list(self.member_keys),
            "choices": [[remedy.to_json() for remedy in remedies] for remedies in self.choices],
            "class_ids": list(self.class_ids),
            "is_usual": self.is_usual,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Finding":
        """The finding that `to_json` wrote, one of before there were choices, classes or usual ones too."""
        remedy = content["remedy"]
        return cls(
            key=content["key"],
            kind=FindingKind(content["kind"]),
            title=content["title"],
            why=content["why"],
            remedy=remedy and Remedy.from_json(remedy),
            image_ids=tuple(content["image_ids"]),
            groups=tuple(tuple(group) for group in content["groups"]),
            member_keys=tuple(content["member_keys"]),
            choices=tuple(tuple(map(Remedy.from_json, remedies)) for remedies in content.get("choices", ())),
            class_ids=tuple(content.get("class_ids", ())),
            is_usual=bool(content.get("is_usual", False)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetContent:
    """What is looked at, nothing of it in the trash."""

    classes: Sequence[ClassView]
    images: Sequence[ImageView]
    photos: Mapping[str, PhotoRecord]  # of every image, by hash
    near_pairs: Collection[tuple[str, str]]  # hashes of photos that are nearly the same
    with_features: bool = True  # whether a network confirmed them, or they were told by their perceptual hashes alone


@dataclass(frozen=True, slots=True, kw_only=True)
class _Member:
    """A photo or a group of photos of a finding, on its own."""

    key: str
    image_ids: tuple[int, ...]
    choices: tuple[Remedy, ...] = ()


def find_problems(content: DatasetContent) -> list[Finding]:
    """Everything that may be wrong with a dataset, the most important first; what was dismissed too."""
    images = sorted(content.images, key=lambda image: image.id)
    found = (
        _in_two_classes(images, content.classes),
        _in_two_splits(images, content.near_pairs),
        _exact_duplicates(images),
        _near_duplicates(images, content),
        *_bad_photos(images, content.photos),
        _few_photos(content),
        _no_validation(content),
        _imbalance(content),
        _rough_search(content),
    )
    return [finding for finding in found if finding is not None]


def without_dismissed(findings: Iterable[Finding], dismissed: Collection[str]) -> list[Finding]:
    """The findings that are still to be shown; dismissed groups and photos are taken out of them."""
    remaining = (_without_members(finding, dismissed) for finding in findings if finding.key not in dismissed)
    return [finding for finding in remaining if finding is not None]


def _without_members(finding: Finding, dismissed: Collection[str]) -> Finding | None:
    if not any(key in dismissed for key in finding.member_keys):
        return finding
    members = finding.groups or tuple((image_id,) for image_id in finding.image_ids)
    choices = finding.choices or ((),) * len(members)
    kept = [
        _Member(key=key, image_ids=image_ids, choices=remedies)
        for key, image_ids, remedies in zip(finding.member_keys, members, choices, strict=True)
        if key not in dismissed
    ]
    left = {image_id for member in kept for image_id in member.image_ids}
    remedy = finding.remedy and finding.remedy.only(left)
    return _finding_of_photos(finding.kind, kept, remedy=remedy, is_grouped=bool(finding.groups))


def _only(image_ids: Iterable[int], wanted: Collection[int]) -> tuple[int, ...]:
    return tuple(image_id for image_id in image_ids if image_id in wanted)


# --- the same photo more than once -----------------------------------------------------------------------


def _in_two_classes(images: Sequence[ImageView], classes: Sequence[ClassView]) -> Finding | None:
    groups = [
        group
        for group in _grouped(images, lambda image: image.photo_hash)
        if len({image.class_id for image in group}) > 1
    ]
    every = tuple(image.id for group in groups for image in group)
    remedy = Remedy(kind=RemedyKind.TRASH_IMAGES, label="Put all copies into the trash", image_ids=every)
    choices = [_choices_of_class(group, classes) for group in groups]
    return _finding_of_groups(FindingKind.IN_TWO_CLASSES, groups, remedy, choices)


def _choices_of_class(group: Sequence[ImageView], classes: Sequence[ClassView]) -> tuple[Remedy, ...]:
    """For each class that a photo is in: keep it there, trash its copies in the others."""
    used = {image.class_id for image in group}
    return tuple(
        Remedy(
            kind=RemedyKind.KEEP_ONE,
            label=f"Keep in “{each.name}”",
            image_ids=tuple(image.id for image in group if image.class_id != each.id),
        )
        for each in classes
        if each.id in used
    )


def _in_two_splits(images: Sequence[ImageView], near_pairs: Collection[tuple[str, str]]) -> Finding | None:
    joined = _joined_images(images, near_pairs, has_captures=True)
    groups = [group for group in joined if len({image.split for image in group if image.split}) > 1]
    moves = defaultdict[Split, list[int]](list)
    for group in groups:
        counts = Counter(image.split for image in group if image.split is not None)
        # Where most of them are; photos that could be in either place are most useful for training.
        target = max(counts, key=lambda split: (counts[split], split is Split.TRAIN, split.value))
        moves[target] += [image.id for image in group if image.split not in (None, target)]
    remedy = Remedy(
        kind=RemedyKind.MOVE_TOGETHER,
        label="Bring each group to one side",
        image_ids=tuple(image_id for image_ids in moves.values() for image_id in image_ids),
        moves=tuple((split, tuple(moves[split])) for split in Split if split in moves),
    )
    return _finding_of_groups(FindingKind.IN_TWO_SPLITS, groups, remedy)


def _exact_duplicates(images: Sequence[ImageView]) -> Finding | None:
    groups = [group for group in _grouped(images, lambda image: (image.class_id, image.photo_hash)) if len(group) > 1]
    # One that somebody or something has given a split is kept: the split would change otherwise.
    kept = {min(group, key=lambda image: (image.split is None, image.id)).id for group in groups}
    return _finding_of_groups(FindingKind.EXACT_DUPLICATES, groups, _keep_one(groups, kept))


def _near_duplicates(images: Sequence[ImageView], content: DatasetContent) -> Finding | None:
    """Near-duplicates within one class. Bursts are meant to be alike: of each capture one image counts."""
    groups = []
    for joined in _joined_images(images, content.near_pairs, has_captures=False):
        for group in _grouped(joined, lambda image: image.class_id):
            by_photo = {image.photo_hash: image for image in reversed(group)}
            # Photos outside of captures are told apart by their hash, photos of one capture are not.
            by_origin = {image.capture_id or image.photo_hash: image for image in by_photo.values()}
            if len(by_origin) > 1:
                groups.append(sorted(by_origin.values(), key=lambda image: image.id))

    def quality(image: ImageView) -> tuple[float, ...]:
        photo = content.photos[image.photo_hash]
        return photo.original_width * photo.original_height, photo.measurements["sharpness"], -image.id

    kept = {max(group, key=quality).id for group in groups}
    return _finding_of_groups(FindingKind.NEAR_DUPLICATES, groups, _keep_one(groups, kept))


def _keep_one(groups: Sequence[Sequence[ImageView]], kept: Collection[int]) -> Remedy:
    others = tuple(image.id for group in groups for image in group if image.id not in kept)
    return Remedy(kind=RemedyKind.KEEP_ONE, label="Keep one of each, trash the others", image_ids=others)


def _joined_images(
    images: Sequence[ImageView], near_pairs: Collection[tuple[str, str]], *, has_captures: bool
) -> list[list[ImageView]]:
    """Groups of at least two images of the same photo, of near-duplicates and, if asked, of one capture."""
    first_of_photo: dict[str, int] = {}
    first_of_capture: dict[int, int] = {}
    pairs = []
    for position, image in enumerate(images):
        pairs.append((first_of_photo.setdefault(image.photo_hash, position), position))
        if has_captures and image.capture_id is not None:
            pairs.append((first_of_capture.setdefault(image.capture_id, position), position))
    pairs += [
        (first_of_photo[first], first_of_photo[second])
        for first, second in near_pairs
        if first in first_of_photo and second in first_of_photo
    ]
    return [[images[position] for position in group] for group in clusters(len(images), pairs)]


def _grouped(images: Iterable[ImageView], key: Callable[[ImageView], Any]) -> list[list[ImageView]]:
    groups = defaultdict[Any, list[ImageView]](list)
    for image in images:
        groups[key(image)].append(image)
    return list(groups.values())


# --- one photo that may be useless -----------------------------------------------------------------------


def _kind_of_light(photo: PhotoRecord) -> FindingKind | None:
    """The one thing that is wrong with a photo's light or sharpness: a black photo is not called blurred too."""
    measured = photo.measurements
    if measured["dark_share"] >= DARK_SHARE_FROM:
        return FindingKind.DARK
    if measured["brightness"] >= BRIGHT_FROM:
        return FindingKind.BRIGHT
    if measured["colour_spread"] < FLAT_BELOW:
        return FindingKind.FLAT
    if measured["sharpness"] < BLURRED_BELOW * measured["contrast"] ** 2:
        return FindingKind.BLURRED
    return None


def is_flat(photo: PhotoRecord) -> bool:
    """Whether a photo shows next to nothing, so that it resembles every other such photo."""
    return bool(photo.measurements["colour_spread"] < FLAT_BELOW)


def _kinds_of_shape(photo: PhotoRecord) -> list[FindingKind]:
    shortest, longest = sorted((photo.original_width, photo.original_height))
    kinds = []
    if shortest < TINY_BELOW_PX:
        kinds.append(FindingKind.TINY)
    if longest >= EXTREME_ASPECT_FROM * shortest:
        kinds.append(FindingKind.EXTREME_ASPECT)
    return kinds


def _bad_photos(images: Sequence[ImageView], photos: Mapping[str, PhotoRecord]) -> list[Finding | None]:
    members = defaultdict[FindingKind, list[_Member]](list)
    for image in images:
        photo = photos[image.photo_hash]
        for kind in (_kind_of_light(photo), *_kinds_of_shape(photo)):
            if kind is not None:
                members[kind].append(_Member(key=_key(kind, [image.photo_hash]), image_ids=(image.id,)))
    findings = []
    for kind in (k for k in FindingKind if k in members):
        every = tuple(image_id for member in members[kind] for image_id in member.image_ids)
        remedy = Remedy(kind=RemedyKind.TRASH_IMAGES, label="Put them into the trash", image_ids=every)
        findings.append(_finding_of_photos(kind, members[kind], remedy=remedy, is_grouped=False))
    return findings


# --- the dataset as a whole ------------------------------------------------------------------------------


def _few_photos(content: DatasetContent) -> Finding | None:
    counts = Counter(image.class_id for image in content.images)
    small = [each for each in content.classes if counts[each.id] < FEW_PHOTOS_BELOW]
    if not small:
        return None
    numbers = ", ".join(f"{each.name} {counts[each.id]}" for each in small)
    return _finding_of_classes(
        FindingKind.FEW_PHOTOS,
        small,
        title=f"Few photos: {numbers}",
        why=f"With fewer than {FEW_PHOTOS_BELOW} photos a class is hard to learn, and only a few of them are left to "
        "tell how well it was learned. Add more, as different from each other as the photos you will ask about.",
    )


def _no_validation(content: DatasetContent) -> Finding | None:
    used = {image.class_id for image in content.images}
    validated = {image.class_id for image in content.images if image.split is Split.VALIDATION}
    without = [each for each in content.classes if each.id in used - validated]
    if not without:
        return None
    return _finding_of_classes(
        FindingKind.NO_VALIDATION,
        without,
        title=f"No validation photo: {', '.join(each.name for each in without)}",
        why="Validation photos tell how well something was learned, on photos that were not learned from. A class "
        "without any counts as neither right nor wrong.",
        remedy=Remedy(kind=RemedyKind.SPLIT_AGAIN, label="Split the dataset"),
    )


def _imbalance(content: DatasetContent) -> Finding | None:
    counts = Counter(image.class_id for image in content.images)
    used = sorted((each for each in content.classes if counts[each.id]), key=lambda each: (counts[each.id], each.id))
    if not used or counts[used[-1].id] < IMBALANCE_FROM * counts[used[0].id]:
        return None
    smallest, largest = used[0], used[-1]
    return _finding_of_classes(
        FindingKind.IMBALANCE,
        [smallest, largest],
        title=f"Out of balance: {largest.name} has {counts[largest.id]} photos, {smallest.name} {counts[smallest.id]}",
        why=f"The network can be right most of the time by answering “{largest.name}” without looking. Add photos to "
        f"“{smallest.name}”, or take some of “{largest.name}” away.",
    )


def _rough_search(content: DatasetContent) -> Finding | None:
    if content.with_features or len(content.images) < 2:
        return None
    return _finding_of_classes(
        FindingKind.ROUGH_SEARCH,
        (),
        title="Near-duplicates: only the most alike were found",
        why="The network that confirms them is not prepared yet. When it is, check the dataset once more.",
    )


# --- findings in words -----------------------------------------------------------------------------------

# Title for n photos in m groups, and why it matters.
_WORDS: Mapping[FindingKind, tuple[str, str]] = {
    FindingKind.IN_TWO_CLASSES: (
        "In two classes at once: {groups}",
        "The same photo is given as an example of different things. Nothing can be learned from it, and whatever the "
        "network answers counts as wrong once.",
    ),
    FindingKind.IN_TWO_SPLITS: (
        "The same or nearly the same on both sides of the split: {groups}",
        "The network is asked about photos that it has seen while learning, so it will look better than it is. "
        "Photos that belong together must be in the same split.",
    ),
    FindingKind.EXACT_DUPLICATES: (
        "Exact copies: {groups}",
        "A copy teaches nothing new, and counts twice when the network is judged.",
    ),
    FindingKind.NEAR_DUPLICATES: (
        "Nearly the same: {groups}",
        "Resaved, cropped or mirrored copies teach little, and make one scene more important than others.",
    ),
    FindingKind.BLURRED: (
        "Blurred: {photos}",
        "Details by which things are told apart are lost. Keep them only if you will ask about blurred photos too.",
    ),
    FindingKind.DARK: ("Very dark: {photos}", "Nearly everything in them is black, so there is little to learn from."),
    FindingKind.BRIGHT: (
        "Very bright: {photos}",
        "Nearly everything in them is white, so there is little to learn from.",
    ),
    FindingKind.FLAT: (
        "One flat colour: {photos}",
        "They show nothing. A class with such photos is recognised by its empty photos.",
    ),
    FindingKind.TINY: (
        "Tiny: {photos}",
        f"Less than {TINY_BELOW_PX} pixels on the shorter side: enlarged to what the network looks at, they are soft "
        "and are often taken for something else.",
    ),
    FindingKind.EXTREME_ASPECT: (
        "Very long and narrow: {photos}",
        "The network looks at a square. It sees less than a third of such a photo, or all of it very small.",
    ),
}


def _finding_of_groups(
    kind: FindingKind,
    groups: Sequence[Sequence[ImageView]],
    remedy: Remedy,
    choices: Sequence[tuple[Remedy, ...]] | None = None,
) -> Finding | None:
    members = [
        _Member(
            key=_key(kind, sorted({image.photo_hash for image in group})),
            image_ids=tuple(image.id for image in group),
            choices=remedies,
        )
        for group, remedies in zip(groups, choices or ((),) * len(groups), strict=True)
    ]
    return _finding_of_photos(kind, members, remedy=remedy, is_grouped=True)


def _finding_of_photos(
    kind: FindingKind, members: Sequence[_Member], *, remedy: Remedy | None, is_grouped: bool
) -> Finding | None:
    if not members:
        return None
    image_ids = tuple(image_id for member in members for image_id in member.image_ids)
    title, why = _WORDS[kind]
    photos = "1 photo" if len(image_ids) == 1 else f"{len(image_ids):,} photos"
    groups = f"{photos} in 1 group" if len(members) == 1 else f"{photos} in {len(members):,} groups"
    return Finding(
        key=_key(kind, sorted(member.key for member in members)),
        kind=kind,
        title=title.format(photos=photos, groups=groups),
        why=why,
        remedy=remedy,
        image_ids=image_ids,
        groups=tuple(member.image_ids for member in members) if is_grouped else (),
        member_keys=tuple(member.key for member in members),
        choices=tuple(member.choices for member in members) if any(member.choices for member in members) else (),
    )


def _finding_of_classes(
    kind: FindingKind, classes: Sequence[ClassView], *, title: str, why: str, remedy: Remedy | None = None
) -> Finding:
    key = _key(kind, sorted(str(each.id) for each in classes))
    class_ids = tuple(each.id for each in classes)
    return Finding(key=key, kind=kind, title=title, why=why, remedy=remedy, image_ids=(), class_ids=class_ids)


def _key(kind: FindingKind, parts: Iterable[str]) -> str:
    return f"{kind.value}:{hashlib.sha256(' '.join(parts).encode()).hexdigest()[:32]}"
