"""Which training photos are probably in the wrong class.

Every photo is judged by a quick head that was fitted without it (five folds); cleanlab ranks the photos by how little
that head believes their class, and says how many of the most doubtful ones to hold for errors.

Source: C. Northcutt, L. Jiang, I. Chuang, "Confident Learning: Estimating Uncertainty in Dataset Labels", Journal of
Artificial Intelligence Research 70 (2021), https://arxiv.org/abs/1911.00068.
"""

from collections.abc import Callable, Collection, Sequence

import numpy as np
import numpy.typing as npt

from core.datasets.checks.together import MOST
from core.datasets.connected import clusters
from core.evaluation.answers import Answers
from core.evaluation.calibration import fit_temperature
from core.evaluation.examination import Suspect
from core.evaluation.quick_head import ClassIndices, Features, fitted_scores, shares_of
from core.inference.temperature import calibrated

NUM_FOLDS = 5
# Of fewer photos some fold leaves too little to know the class by: every photo of it would be doubtful.
MIN_PHOTOS = NUM_FOLDS
MAX_SUSPECTS = 200
# A class that is believed more than this is never held for an error, whatever cleanlab says: where a network knew next
# to nothing, that was every fifth photo.
_MOST_BELIEVED = 0.25
_SEED = 0


def find_suspects(
    hashes: Sequence[str],
    features: Features,
    class_indices: ClassIndices,
    *,
    num_classes: int,
    pairs: Collection[tuple[str, str]],
    check_cancelled: Callable[[], None],
) -> tuple[Suspect, ...]:
    """The training photos whose class is most doubtful.

    Args:
        hashes: of the photos; one that is in two classes is there twice.
        features: float32 (photos, channels).
        class_indices: (photos,).
        num_classes: at least 2.
        pairs: hashes of photos that are nearly the same: neither is judged by the other, or a wrong class that both
            have would look right.
        check_cancelled: called between the folds; raises to stop.

    Returns:
        Most doubtful first, at most `MAX_SUSPECTS`. Photos of classes with fewer than `MIN_PHOTOS` are not doubted;
        nothing where fewer than two classes have so many.
    """
    from cleanlab.rank import get_label_quality_scores  # type: ignore[import-untyped]  # ships no type information

    counts = np.bincount(class_indices, minlength=num_classes)
    if (counts >= MIN_PHOTOS).sum() < 2:
        return ()
    folds = assign_folds(class_indices, _groups(hashes, pairs))
    probabilities = out_of_fold(
        features, class_indices, folds, num_classes=num_classes, check_cancelled=check_cancelled
    )
    rows = np.flatnonzero(counts[class_indices] >= MIN_PHOTOS)
    judged, believed = class_indices[rows], probabilities[rows]
    quality = get_label_quality_scores(judged, believed)
    is_flagged = _flagged(judged, believed, np.flatnonzero(counts >= MIN_PHOTOS)) & (quality <= _MOST_BELIEVED)
    others = believed.copy()
    others[np.arange(len(rows)), judged] = -1
    suggested = others.argmax(axis=1)
    return tuple(
        Suspect(
            photo_hash=hashes[rows[place]],
            class_index=int(judged[place]),
            suggested_index=int(suggested[place]),
            quality=float(quality[place]),
            is_flagged=bool(is_flagged[place]),
        )
        for place in np.argsort(quality, kind="stable")[:MAX_SUSPECTS]
    )


def out_of_fold(
    features: Features,
    class_indices: ClassIndices,
    folds: npt.NDArray[np.int64],
    *,
    num_classes: int,
    check_cancelled: Callable[[], None],
) -> npt.NDArray[np.float64]:
    """What a quick head says to each photo that it was not fitted on, as sure as it should be.

    Arguments are those of `answers_out_of_fold`.

    Returns:
        float64 (photos, classes), 0-1, adding up to 1.
    """
    answers = answers_out_of_fold(
        features, class_indices, folds, num_classes=num_classes, check_cancelled=check_cancelled
    )
    return calibrated(answers.probabilities, fit_temperature(answers))


def answers_out_of_fold(
    features: Features,
    class_indices: ClassIndices,
    folds: npt.NDArray[np.int64],
    *,
    num_classes: int,
    check_cancelled: Callable[[], None] = lambda: None,
) -> Answers:
    """What a quick head says to each photo that it was not fitted on; not calibrated, and without the hashes.

    Args:
        features: float32 (photos, channels).
        class_indices: (photos,).
        folds: (photos,): numbers from 0 on.
        num_classes: at least 2.
        check_cancelled: called between the folds; raises to stop.
    """
    scores = np.empty((len(features), num_classes), np.float32)
    for fold in np.unique(folds):
        check_cancelled()
        is_out = folds == fold
        scores[is_out] = fitted_scores(
            features[~is_out], class_indices[~is_out], features[is_out], num_classes=num_classes
        )
    return Answers(hashes=("",) * len(scores), class_indices=class_indices, probabilities=shares_of(scores))


def _flagged(
    class_indices: ClassIndices, probabilities: npt.NDArray[np.float64], known: npt.NDArray[np.intp]
) -> npt.NDArray[np.bool_]:
    """Which photos cleanlab holds for errors; it is told of the classes in `known` only, and of no small ones."""
    from cleanlab.filter import find_label_issues  # type: ignore[import-untyped]  # ships no type information

    shares = probabilities[:, known]
    shares = shares / np.maximum(shares.sum(axis=1, keepdims=True), np.finfo(np.float64).tiny)
    # One process: on Windows others would import the whole program again.
    return np.asarray(find_label_issues(np.searchsorted(known, class_indices), shares, n_jobs=1), np.bool_)


def assign_folds(class_indices: ClassIndices, groups: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Share photos out among `NUM_FOLDS` folds: groups stay together, and each class is in all folds alike.

    Args:
        class_indices: (photos,).
        groups: (photos,): number of the group of photos that each belongs to.

    Returns:
        (photos,): numbers of folds, 0 to 4.
    """
    folds = np.empty(len(groups), np.int64)
    num_classes = int(class_indices.max()) + 1
    held = np.zeros((num_classes, NUM_FOLDS), np.int64)
    order = np.argsort(groups, kind="stable")
    members = np.split(order, np.flatnonzero(np.diff(groups[order])) + 1)
    chance = np.random.default_rng(_SEED)
    # Large groups first: small ones then even out what those have made uneven.
    for index in sorted(chance.permutation(len(members)), key=lambda index: -len(members[index])):
        rows = members[index]
        counts = np.bincount(class_indices[rows], minlength=num_classes)
        main = int(counts.argmax())
        # Of folds with equally many photos of the class, the one with the fewest of all.
        fold = int(np.lexsort((held.sum(axis=0), held[main]))[0])
        folds[rows] = fold
        held[:, fold] += counts
    return folds


def _groups(hashes: Sequence[str], pairs: Collection[tuple[str, str]]) -> npt.NDArray[np.int64]:
    """A number for each photo, the same for photos that are nearly the same, and for one that is there twice."""
    numbers: dict[str, int] = {}
    for photo_hash in hashes:
        numbers.setdefault(photo_hash, len(numbers))
    group_of = np.arange(len(numbers))
    known = [(numbers[first], numbers[second]) for first, second in pairs if first in numbers and second in numbers]
    for cluster in clusters(len(numbers), known):
        # Where most photos are alike, as those of a fixed camera, one fold would have them all.
        if len(cluster) <= MOST * len(numbers):
            group_of[cluster] = cluster[0]
    return np.array([group_of[numbers[photo_hash]] for photo_hash in hashes], np.int64)
