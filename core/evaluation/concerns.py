"""What would make the result of a run wrong, or worse than it need be: found before it begins, with a way to mend it.

What is sure to come to nothing is an obstacle (`core.runs.begin.find_obstacle`), not a concern.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.datasets.checks.findings import Finding, FindingKind
from core.datasets.checks.photo_checks import concerns
from core.datasets.records import ClassView, ImageView, Split
from core.evaluation.reasons import listed
from core.runs.begin import Place, Prospect

_MOST = 0.5  # share of the photos of a class or of the dataset, 0-1


@dataclass(frozen=True, slots=True, kw_only=True)
class Concern:
    """Something that a person should know before a run begins."""

    text: str  # one or two sentences; plain text
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """A dataset as a run would find it, nothing of it in the trash."""

    classes: Sequence[ClassView]
    images: Sequence[ImageView]
    prospect: Prospect
    findings: Sequence[Finding]  # that wait for a decision


# Findings that speak for themselves.
_AS_THEY_SAY = (FindingKind.FIXED_CAMERA, FindingKind.RENDERINGS, FindingKind.FEW_PHOTOS, FindingKind.IMBALANCE)


def find_concerns(contents: Contents) -> list[Concern]:
    """Everything that speaks against the result of a run that began now, the most serious first."""
    by_kind = {finding.kind: finding for finding in contents.findings}
    found = [
        *_in_two_classes(by_kind.get(FindingKind.IN_TWO_CLASSES)),
        *_leaks(contents.prospect),
        *(each for check in concerns() for each in _of_photos(check.concern, by_kind.get(check.kind), contents)),
        *_missing_photos(contents),
        *(Concern(text=by_kind[kind].title, place=Place.CHECK) for kind in _AS_THEY_SAY if kind in by_kind),
    ]
    return [concern for number, concern in enumerate(found) if concern not in found[:number]]


def _in_two_classes(finding: Finding | None) -> Iterable[Concern]:
    if finding is not None:
        number = len(finding.groups)
        photos = "1 photo is" if number == 1 else f"{number:,} photos are"
        yield Concern(
            text=f"{photos} in two classes at once: whatever the network says to such a photo is wrong once.",
            place=Place.CHECK,
        )


def _leaks(prospect: Prospect) -> Iterable[Concern]:
    if prospect.num_leaks:
        photos = "1 validation or test photo looks" if prospect.num_leaks == 1 else ""
        photos = photos or f"{prospect.num_leaks:,} validation or test photos look"
        yield Concern(
            text=f"{photos} nearly like one for training: the result will seem better than it is.", place=Place.CHECK
        )


def _of_photos(words: str, finding: Finding | None, contents: Contents) -> Iterable[Concern]:
    """Told where it is true of most photos of the dataset, or of a class: then it is no matter of single photos."""
    if finding is None:
        return
    concerned = set(finding.image_ids)
    numbers = Counter(image.class_id for image in contents.images if image.id in concerned)
    totals = Counter(image.class_id for image in contents.images)
    if numbers.total() >= _MOST * totals.total():
        text = f"{numbers.total():,} of {totals.total():,} photos {words}: there may be nothing to learn from."
        yield Concern(text=text, place=Place.CHECK)
        return
    for view in contents.classes:
        if numbers[view.id] and numbers[view.id] >= _MOST * totals[view.id]:
            text = f"{numbers[view.id]:,} of the {totals[view.id]:,} photos of “{view.name}” {words}: the class is "
            yield Concern(text=f"{text}recognised by that, and by nothing else.", place=Place.CHECK)


def _missing_photos(contents: Contents) -> Iterable[Concern]:
    prospect, names = contents.prospect, {view.id: view.name for view in contents.classes}
    without = [names[each] for each, counts in prospect.class_counts.items() if not counts[Split.VALIDATION]]
    if not prospect.num_photos(Split.VALIDATION):
        yield Concern(
            text="No validation photos: nobody can tell which epoch is best, so the last one is kept.",
            place=Place.SPLIT,
        )
    elif without:
        yield Concern(
            text=f"No photo for validation: {listed(without)}. Such a class counts neither as right nor as wrong while "
            "training.",
            place=Place.SPLIT,
        )
    if not prospect.num_photos(Split.TEST):
        yield Concern(
            text="No test photos: the accuracy will be that of the validation photos, a little too good.",
            place=Place.SPLIT,
        )
    left_out = [view.name for view in contents.classes if view.id not in prospect.class_counts]
    if left_out:
        yield Concern(
            text=f"{listed(left_out)} {'has' if len(left_out) == 1 else 'have'} no photos to learn from and will not "
            "be known to the model.",
            place=Place.PHOTOS,
        )
