"""Which photos a model that was trained again sees with other eyes than the one before."""

from dataclasses import dataclass

from core.datasets.records import Split
from core.evaluation.answers import Answers, RunAnswers
from core.runs.changes import find_renamed


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """A photo to which two runs give different answers."""

    photo_hash: str
    class_name: str  # the true one, as the later run knows it
    before: str  # class that the earlier run says; under its later name where it was renamed
    after: str  # class that the later run says


@dataclass(frozen=True, slots=True, kw_only=True)
class Flips:
    """What changed between two runs, on the photos that both were asked about."""

    fixed: tuple[Flip, ...]  # wrong before, right after
    broken: tuple[Flip, ...]  # right before, wrong after
    changed_mind: tuple[Flip, ...]  # wrong both times, with another class
    num_common: int  # photos that both were asked about
    num_right_before: int  # of these, by the true classes of the later run
    num_right_after: int


def find_flips(before: RunAnswers, after: RunAnswers) -> Flips:
    """Compare a run with a later one, by the classes that the later one takes for true.

    Photos that the later run is judged by (test, else validation) count if the earlier one was asked about them too,
    for validation or test: what it has learned from never does. Where a label was corrected in between, the earlier run
    is judged by the correction. Classes are compared by name; one that was renamed is the same.
    """
    renamed = find_renamed(_true_names(before), _true_names(after), (before.class_names, after.class_names))
    names = [renamed.get(name, name) for name in before.class_names]
    said = {
        photo_hash: names[predicted]
        for answers in (before.validation, before.test)
        for photo_hash, predicted in zip(answers.hashes, answers.predicted.tolist(), strict=True)
    }
    flips = [
        Flip(
            photo_hash=photo_hash,
            class_name=after.class_names[true],
            before=said[photo_hash],
            after=after.class_names[predicted],
        )
        for photo_hash, true, predicted in _rows(after.judged)
        if photo_hash in said
    ]
    return Flips(
        fixed=tuple(flip for flip in flips if flip.before != flip.class_name == flip.after),
        broken=tuple(flip for flip in flips if flip.before == flip.class_name != flip.after),
        changed_mind=tuple(flip for flip in flips if flip.class_name != flip.before != flip.after != flip.class_name),
        num_common=len(flips),
        num_right_before=sum(flip.before == flip.class_name for flip in flips),
        num_right_after=sum(flip.after == flip.class_name for flip in flips),
    )


def _rows(answers: Answers) -> list[tuple[str, int, int]]:
    """Hash, true class and predicted class of each photo."""
    return list(zip(answers.hashes, answers.class_indices.tolist(), answers.predicted.tolist(), strict=True))


def _true_names(answers: RunAnswers) -> dict[str, str]:
    """Photo hash to true class."""
    return {
        photo_hash: answers.class_names[true]
        for split in (Split.VALIDATION, Split.TEST)
        for photo_hash, true, _ in _rows(answers.of(split))
    }
