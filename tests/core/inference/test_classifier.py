"""From bytes to the likeliest classes."""

from pathlib import Path

import pytest

from core.errors import NotAnImageError
from core.inference.classifier import Classification, Classifier
from core.photos.samples import SAMPLE_PHOTOS, sample_path


def classify_photo(classifier: Classifier, shared_dir: Path, name: str) -> Classification:
    return classifier.classify((shared_dir / "data" / "photos" / name).read_bytes(), name)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("German_Shepherd.jpg", "German shepherd"),
        ("labrador1.jpg", "Labrador retriever"),
        ("poodle1.jpg", "poodle"),
    ],
)
def test_the_dogs_of_the_mobilenet_tutorial(classifier: Classifier, shared_dir: Path, name: str, label: str):
    """The default backbone gives the answers that the tutorial reports."""
    assert label in classify_photo(classifier, shared_dir, name).predictions[0].label


def test_a_blue_tit_is_not_recognised_but_is_a_bird(classifier: Classifier, shared_dir: Path):
    """The network has no class for it: no answer is likely, and yet the group is right."""
    found = classify_photo(classifier, shared_dir, "blue_tit.jpg")
    assert found.predictions[0].probability < 0.35
    assert found.group == "bird"


def test_a_hundred_photos_of_imagenet(classifier: Classifier, shared_dir: Path):
    """On one photo of each of 100 classes, 85 % are right at once and 96 % within five."""
    paths = sorted((shared_dir / "data" / "imagenet_sample").iterdir())
    ranks = []
    for path in paths:
        found = classifier.classify(path.read_bytes(), path.name)
        wnids = [prediction.wnid for prediction in found.predictions]
        wnid = path.name.split("_")[0]
        ranks.append(wnids.index(wnid) if wnid in wnids else 5)
    assert sum(rank == 0 for rank in ranks) >= 0.85 * len(paths)
    assert sum(rank < 5 for rank in ranks) >= 0.96 * len(paths)


def test_predictions_are_five_and_sorted(classifier: Classifier):
    """Top-5, likeliest first, with times that were really measured."""
    found = classifier.classify(sample_path(SAMPLE_PHOTOS[1]).read_bytes(), "coffee")
    probabilities = [prediction.probability for prediction in found.predictions]
    assert len(probabilities) == 5
    assert probabilities == sorted(probabilities, reverse=True)
    assert found.decode_milliseconds > 0
    assert found.network_milliseconds > 0


def test_a_photo_alone_gets_the_same_answer(classifier: Classifier):
    """All threads for one photo change the speed, not the answer."""
    photo = sample_path(SAMPLE_PHOTOS[0]).read_bytes()
    together = classifier.classify(photo, "cat").predictions
    alone = classifier.classify(photo, "cat", is_alone=True).predictions
    assert [one.index for one in alone] == [one.index for one in together]
    assert alone[0].probability == pytest.approx(together[0].probability, abs=1e-5)


def test_a_file_that_is_no_photo_is_named(classifier: Classifier):
    """The error carries the visitor's name for the file."""
    with pytest.raises(NotAnImageError, match=r"notes\.txt"):
        classifier.classify(b"shopping list", "notes.txt")
