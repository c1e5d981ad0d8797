"""Why a result may be no better than guessing: what is known of the photos and of the training, likeliest first."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from core.config import SCRATCH, FitModeName, TrainConfig
from core.datasets.checks.photo_checks import concerns
from core.datasets.checks.problems import IMBALANCE_FROM
from core.datasets.records import SnapshotView, Split
from core.evaluation.guessing import Standing, Worth
from core.photos.record import PhotoRecord
from core.runs.cut_off import CutOff, find_cut_off

# From this share of the photos on, 0-1, what is wrong with them explains a result.
_MOST = 0.5
_IN_TWO_CLASSES_FROM = 0.1  # share of the photos, 0-1: each of them is wrong once whatever the network says
_MAX_LISTED = 3


class ReasonKind(StrEnum):
    """What may be behind it."""

    PHOTOS = "photos"  # most of them are alike in what is wrong with each, as a photo check tells
    CUT_OFF = "cut off"
    MIRRORING = "mirroring"  # classes are mirror images of each other, and it was trained with mirroring on
    MIRRORED = "mirrored"  # they are, and it was not
    IN_TWO_CLASSES = "in two classes"
    UNTRAINED = "untrained"  # a class has no photo for training
    IMBALANCE = "imbalance"
    TOO_FEW = "too few"  # photos to judge by


@dataclass(frozen=True, slots=True, kw_only=True)
class Reason:
    """Something that may be behind a result."""

    kind: ReasonKind
    text: str  # for people, one or two sentences with the remedy; plain text


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is known of a run; what is not known is empty."""

    snapshot: SnapshotView
    photos: Mapping[str, PhotoRecord]  # of the snapshot, by hash, as far as they are known
    config: TrainConfig
    mirrored_classes: tuple[str, ...] = ()  # that are mirror images of each other

    @property
    def has_mirroring(self) -> bool:
        """Whether photos were shown with left and right changed, be it only for the answers."""
        return self.config.averages_flips or (self.config.augment is not None and self.config.augment.flip)

    def sizes(self) -> dict[str, list[tuple[int, int]]]:
        """Width and height of the photos of each class, by its name."""
        found = defaultdict[str, list[tuple[int, int]]](list)
        for image in self.snapshot.images:
            photo = self.photos.get(image.photo_hash)
            if photo is not None:
                found[self.snapshot.class_names[image.class_index]].append((photo.width, photo.height))
        return dict(found)

    def cut_off(self) -> CutOff | None:
        """What was cut off the photos."""
        fit_mode: FitModeName = self.config.fit_mode
        return find_cut_off(self.sizes(), fit_mode, self.config.image_size or (1, 1))


def likely_reasons(worth: Worth, known: Circumstances) -> list[Reason]:
    """What may be behind a result that is no better than guessing, likeliest first; nothing for one that is better."""
    if worth.is_better:
        return []
    if worth.standing is Standing.LARGEST_CLASS:
        return [reason for reason in (_imbalance(known), _untrained(known)) if reason is not None]
    found = (
        *_light(known),
        _cut_off(known),
        _mirrored(known),
        _in_two_classes(known),
        _untrained(known),
        _imbalance(known) if worth.only_answer is not None else None,
        _too_few(worth),
    )
    return [reason for reason in found if reason is not None]


def _light(known: Circumstances) -> Iterable[Reason]:
    for check in concerns():
        photos = [photo for photo in known.photos.values() if check.measure(photo) is not None]
        number = sum(map(check.applies_to, photos))
        if photos and number >= _MOST * len(photos):
            yield Reason(
                kind=ReasonKind.PHOTOS,
                text=f"{number:,} of its {len(photos):,} photos {check.concern}. Look at them: can you tell the "
                "classes apart?",
            )
            return  # a black photo is flat, too: once is enough


def _cut_off(known: Circumstances) -> Reason | None:
    found = known.cut_off()
    if found is None:
        return None
    return Reason(
        kind=ReasonKind.CUT_OFF,
        text=f"It looked at a square from the middle of each photo: {found.describe()}. What tells the classes apart "
        "may be there. Train again with the whole photo.",
    )


def _mirrored(known: Circumstances) -> Reason | None:
    if not known.mirrored_classes:
        return None
    classes = f"{listed(known.mirrored_classes)} are mirror images of each other"
    if known.has_mirroring:
        return Reason(
            kind=ReasonKind.MIRRORING,
            text=f"{classes}, and it was trained with mirroring on: it was shown each of them under both names. Train "
            "again with mirroring off.",
        )
    if known.config.backbone == SCRATCH or known.config.fine_tune is not None:
        return None
    return Reason(
        kind=ReasonKind.MIRRORED,
        text=f"{classes}, and a ready-made network has learned to see no difference between a thing and its mirror "
        "image. Have the network itself adjusted (the recipe Careful does), with mirroring off.",
    )


def _in_two_classes(known: Circumstances) -> Reason | None:
    classes = defaultdict[str, set[int]](set)
    for image in known.snapshot.images:
        classes[image.photo_hash].add(image.class_index)
    number = sum(len(found) > 1 for found in classes.values())
    if not number or number < _IN_TWO_CLASSES_FROM * len(classes):
        return None
    return Reason(
        kind=ReasonKind.IN_TWO_CLASSES,
        text=f"{number:,} of {len(classes):,} photos are in two classes at once, so that one of the two is always "
        "wrong. Keep each in the class where it belongs.",
    )


def _untrained(known: Circumstances) -> Reason | None:
    trained = {image.class_index for image in known.snapshot.images if image.split is Split.TRAIN}
    without = [name for index, name in enumerate(known.snapshot.class_names) if index not in trained]
    if not without:
        return None
    has, it, its = ("has", "it", "its photos") if len(without) == 1 else ("have", "they", "their photos")
    return Reason(
        kind=ReasonKind.UNTRAINED,
        text=f"{listed(without)} {has} no photo for training, so {it} cannot be learned. Move some of {its} there.",
    )


def _imbalance(known: Circumstances) -> Reason | None:
    counts = Counter(image.class_index for image in known.snapshot.images if image.split is Split.TRAIN)
    if len(counts) < 2:
        return None
    (largest, most), *_, (smallest, fewest) = counts.most_common()
    if most < IMBALANCE_FROM * fewest:
        return None
    names = known.snapshot.class_names
    return Reason(
        kind=ReasonKind.IMBALANCE,
        text=f"It learned from {most:,} photos of “{names[largest]}” and {fewest:,} of “{names[smallest]}”: answering "
        "with the frequent one pays. Let rare classes count more (class weights, as the recipe Careful does), or even "
        "the numbers out.",
    )


def _too_few(worth: Worth) -> Reason | None:
    if worth.standing is not Standing.TOO_FEW:
        return None
    return Reason(
        kind=ReasonKind.TOO_FEW,
        text=f"Only {worth.num_photos:,} photos judge it. Set more aside for validation and test, and this will show.",
    )


def listed(names: Sequence[str]) -> str:
    """Names of classes as a sentence lists them, each in quotation marks, a few of many."""
    shown = [f"“{name}”" for name in names[:_MAX_LISTED]]
    if len(names) > _MAX_LISTED:
        shown.append(f"{len(names) - _MAX_LISTED:,} more")
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
