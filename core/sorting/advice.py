"""How likely each photo belongs to each class, by a model or by the photos that are in the classes already."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from core.datasets.records import ImageView, Review
from core.errors import DatasetError
from core.evaluation.calibration import fit_temperature
from core.evaluation.label_errors import MIN_PHOTOS, answers_out_of_fold, assign_folds
from core.evaluation.quick_head import fitted_scores, shares_of
from core.inference.classifier import Classifier
from core.inference.temperature import calibrated
from core.sorting.records import Suggestion, Suggestions

# Examples that are learned from, evenly chosen: more take longer than a person wants to wait, and say little more.
_MAX_EXAMPLES = 2_000

Features = npt.NDArray[np.floating]
Probabilities = npt.NDArray[np.float64]


def ask_model(classifier: Classifier, features: Features) -> tuple[Probabilities, npt.NDArray[np.bool_]]:
    """What a model says to photos, as sure as it should be, and to which of them it says that it does not know.

    Args:
        classifier: a model that answers from features.
        features: float (photos, channels): those that it starts from.

    Returns:
        float64 (photos, classes), 0-1, adding up to 1; and bool (photos,).

    Raises:
        DatasetError: the model does not answer from features.
    """
    head, judge = classifier.features_head, classifier.judge
    if head is None:
        raise DatasetError("This model does not say what it makes of features. Let the examples in the classes decide.")
    values = np.asarray(features, np.float32)
    said = head.probabilities(values)
    probabilities = np.asarray(said if judge is None else judge.calibrate(said), np.float64)
    if judge is None or not len(values):
        return probabilities, np.zeros(len(values), np.bool_)
    return probabilities, judge.refused(probabilities.max(axis=1), values)


def ask_examples(
    features: Features, examples: Features, class_indices: npt.NDArray[np.int64], *, num_classes: int
) -> Probabilities:
    """The same by a quick head that is fitted on the photos in the classes; how sure it is is found out on these, too.

    Args:
        features: float (photos, channels).
        examples: float (examples, channels), at least one of each class.
        class_indices: (examples,): their classes.
        num_classes: at least 2.
    """
    known = np.asarray(examples, np.float32)
    scores = fitted_scores(known, class_indices, np.asarray(features, np.float32), num_classes=num_classes)
    temperature = 1.0
    if np.bincount(class_indices, minlength=num_classes).min() >= MIN_PHOTOS:
        folds = assign_folds(class_indices, np.arange(len(known)))
        temperature = fit_temperature(answers_out_of_fold(known, class_indices, folds, num_classes=num_classes))
    return calibrated(shares_of(scores), temperature)


def choose_examples(images: Sequence[ImageView], pile_id: int) -> list[ImageView]:
    """The photos that say what the classes are: all but those of the class that is sorted and those that are unsure."""
    usable = [image for image in images if image.class_id != pile_id and image.review is not Review.UNSURE]
    if len(usable) <= _MAX_EXAMPLES:
        return usable
    usable.sort(key=lambda image: (image.class_id, image.id))
    # Of each class at least one, and of all alike many.
    chosen = set(np.linspace(0, len(usable) - 1, _MAX_EXAMPLES).astype(np.int64).tolist())
    first_of = {image.class_id: place for place, image in reversed(list(enumerate(usable)))}
    return [usable[place] for place in sorted(chosen | set(first_of.values()))]


def suggest(
    images: Sequence[ImageView],
    probabilities: Probabilities,
    is_refused: npt.NDArray[np.bool_],
    class_ids: Sequence[int | None],
    *,
    num_photos: int,
) -> Suggestions:
    """Suggestions for photos, most certain first.

    Args:
        images: of the class that is sorted.
        probabilities: float64 (images, classes), 0-1.
        is_refused: bool (images,).
        class_ids: of the dataset, in the order of the columns; None where it has no such class.
        num_photos: of the class that is sorted, with those that nobody has looked at.
    """
    best = probabilities.argmax(axis=1) if len(images) else np.zeros(0, np.intp)
    found, num_staying, num_without_class = [], 0, 0
    for row, image in enumerate(images):
        class_id = class_ids[best[row]]
        if is_refused[row]:
            continue
        if class_id is None:
            num_without_class += 1
        elif class_id == image.class_id:
            num_staying += 1
        else:
            found.append(Suggestion(image=image, class_id=class_id, certainty=float(probabilities[row, best[row]])))
    found.sort(key=lambda each: (-each.certainty, each.image.id))
    return Suggestions(
        suggestions=tuple(found),
        num_photos=num_photos,
        num_staying=num_staying,
        num_refused=int(is_refused.sum()),
        num_without_class=num_without_class,
        num_unknown=num_photos - len(images),
    )
