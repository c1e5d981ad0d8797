"""Samples that need no network: drawn birds and handwritten digits."""

import io
import itertools
from collections import Counter

import numpy as np
import pytest
from PIL import Image

from core.datasets.samples.drawing import SIDE_PX
from core.datasets.samples.drawn_samples import CLASS_NAMES, draw_sample
from core.datasets.sources.requests import DrawnShapes, HandwrittenDigits
from core.datasets.sources.sample_sources import DIGIT_SIDE_PX, count_samples, open_samples
from core.inference.classifier import Classifier


def pixels(class_name: str, *, seed: int = 0, number: int = 0) -> np.ndarray:
    return np.asarray(draw_sample(class_name, seed=seed, number=number))


def decoded(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize("class_name", CLASS_NAMES)
def test_the_same_seed_and_number_give_the_same_picture(class_name: str):
    """Every classroom has the same pictures, whatever was drawn before."""
    first = pixels(class_name, number=5)
    draw_sample(class_name, seed=8, number=1)
    assert first.shape == (SIDE_PX, SIDE_PX, 3)
    assert np.array_equal(first, pixels(class_name, number=5))


@pytest.mark.parametrize("class_name", CLASS_NAMES)
def test_another_seed_number_or_kind_gives_another_picture(class_name: str):
    """No picture comes twice."""
    others = [pixels(class_name, seed=1), pixels(class_name, number=1), pixels(CLASS_NAMES[0], number=2)]
    for one, other in itertools.combinations([pixels(class_name), *others], 2):
        assert np.abs(one.astype(int) - other).mean() > 5


def test_drawn_birds_come_in_a_folder_per_kind():
    """As many as were asked for of each, named after their kind, as JPEG files."""
    source = DrawnShapes(num_per_class=3, seed=4)
    files = list(open_samples(source))
    assert len({file.path for file in files}) == len(files) == count_samples(source)
    assert Counter(file.path.split("/")[0] for file in files) == dict.fromkeys(CLASS_NAMES, 3)
    assert {decoded(file.data).format for file in files if file.data} == {"JPEG"}
    assert files[0].path == "blue tit/blue_tit_0001.jpg"


def test_more_pictures_begin_with_the_same_ones():
    """Somebody who asks for more of a seed later gets duplicates that can be told, not other birds under old names."""
    few = list(open_samples(DrawnShapes(num_per_class=1, seed=2)))
    many = open_samples(DrawnShapes(num_per_class=9, seed=2))
    assert few == list(itertools.islice(many, len(few)))


def test_a_network_tells_the_birds_apart_but_their_mean_colour_does_not(classifier: Classifier):
    """The sample is worth training on: features of a pretrained network are needed, colour statistics do not do."""
    features, colours, labels = [], [], []
    for file in open_samples(DrawnShapes(num_per_class=24, seed=0)):
        assert file.data is not None
        features.append(classifier.answer(classifier.square(file.data, file.path)).features)
        colours.append(np.asarray(decoded(file.data), dtype=np.float64).mean(axis=(0, 1)) / 255)
        labels.append(file.path.split("/")[0])
    assert accuracy(np.array(features), np.array(labels)) >= 0.9
    assert accuracy(np.array(colours), np.array(labels)) <= 0.6


def accuracy(features: np.ndarray, labels: np.ndarray) -> float:
    """Of a linear classifier trained on the first half."""
    from sklearn.linear_model import LogisticRegression

    half = len(labels) // 2
    model = LogisticRegression(max_iter=2_000).fit(features[:half], labels[:half])
    return model.score(features[half:], labels[half:])


def test_digits_are_dark_ink_on_light_paper():
    """All 1,797, in ten folders, large enough to look at."""
    files = list(open_samples(HandwrittenDigits()))
    assert len({file.path for file in files}) == len(files) == count_samples(HandwrittenDigits())
    assert {file.path.split("/")[0] for file in files} == set("0123456789")
    assert files[0].path == "0/digit_0001.png"
    for file in files[::100]:
        assert file.data is not None
        values = np.asarray(decoded(file.data))
        assert values.shape == (DIGIT_SIDE_PX, DIGIT_SIDE_PX)
        assert values.min() < 80
        assert np.median(values) > 200
        assert (values[0] == 255).all()
