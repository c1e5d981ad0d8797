"""What a phase is fed with, and in which order."""

import numpy as np
import pytest

from core.training.inputs import CachedInputs, PhaseDataset, class_weights, make_targets

NUM_PHOTOS, NUM_VIEWS = 10, 3


@pytest.fixture
def inputs() -> CachedInputs:
    """Each view of each photo has a number of its own: ten times the photo's, plus the view's."""
    values = np.arange(NUM_PHOTOS)[:, None, None] * 10 + np.arange(NUM_VIEWS)[None, :, None]
    return CachedInputs(values=values.astype(np.float32), seed=5)


def dataset(inputs: CachedInputs, epoch: int = 1, **options: object) -> PhaseDataset:
    targets = np.arange(NUM_PHOTOS, dtype=np.float32)[:, None]
    return PhaseDataset(inputs, targets, batch_size=4, seed=7, epoch=epoch, **options)  # type: ignore[arg-type]


def epoch_of(data: PhaseDataset) -> np.ndarray:
    return np.concatenate([data[number][0] for number in range(len(data))])[:, 0]


def test_an_epoch_has_every_photo_once(inputs: CachedInputs):
    """Inputs and targets belong together, and the last, smaller batch is not dropped."""
    data = dataset(inputs)
    batches = [data[number] for number in range(len(data))]
    assert [len(targets) for _, targets in batches] == [4, 4, 2]
    for values, targets in batches:
        np.testing.assert_array_equal(values[:, 0] // 10, targets[:, 0])
    assert sorted(np.concatenate([targets for _, targets in batches])[:, 0]) == list(range(NUM_PHOTOS))


def test_each_epoch_draws_order_and_views_anew(inputs: CachedInputs):
    """Two epochs differ in order and in views, and over many epochs every view is seen."""
    data = dataset(inputs)
    epochs = []
    for _ in range(30):
        epochs.append(epoch_of(data))
        data.on_epoch_end()
    assert not np.array_equal(epochs[0] // 10, epochs[1] // 10)
    assert {int(value % 10) for epoch in epochs for value in epoch} == set(range(NUM_VIEWS))


def test_an_epoch_depends_on_its_number_alone(inputs: CachedInputs):
    """A training taken up in epoch 4 sees what it would have seen."""
    whole = dataset(inputs)
    for _ in range(3):
        whole.on_epoch_end()
    np.testing.assert_array_equal(epoch_of(whole), epoch_of(dataset(inputs, epoch=4)))


def test_sample_weights_go_with_their_photos(inputs: CachedInputs):
    """The weight of a photo stands beside its target, whatever the order."""
    data = dataset(inputs, sample_weights=np.arange(NUM_PHOTOS, dtype=np.float32))
    _, targets, weights = data[0]
    np.testing.assert_array_equal(weights, targets[:, 0])


def test_targets_of_two_classes_and_of_a_single_unit():
    """One column per class; a single unit is told whether it is the second class."""
    indices = np.array([0, 1, 1])
    np.testing.assert_array_equal(make_targets(indices, 2, has_one_unit=False), [[1, 0], [0, 1], [0, 1]])
    np.testing.assert_array_equal(make_targets(indices, 2, has_one_unit=True), [[0], [1], [1]])


def test_class_weights_balance_the_classes():
    """Each class counts the same in the sum, and a photo one on average."""
    indices = np.array([0] * 8 + [1] * 2)
    weights = class_weights(indices, 2)
    assert weights[:8].sum() == pytest.approx(weights[8:].sum())
    assert weights.mean() == pytest.approx(1)
