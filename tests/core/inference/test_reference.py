"""`core.inference.reference`: what was kept answers as before it was kept, and what is damaged says so."""

import numpy as np
import pytest

from core.errors import RunFileError
from core.inference.reference import MAX_PHOTOS, Reference, read_reference, write_reference
from core.runs.folder import RunFolder
from core.settings import Settings

HASHES = [f"{number:064x}" for number in range(40)]
CLASSES = np.arange(40) % 3


@pytest.fixture
def folder(settings: Settings) -> RunFolder:
    made = RunFolder(settings, 1)
    made.create()
    return made


@pytest.fixture
def reference() -> Reference:
    return Reference(HASHES, CLASSES, np.random.default_rng(1).normal(size=(40, 16)).astype(np.float32))


def test_distances_survive_the_file(folder: RunFolder, reference: Reference) -> None:
    """Photos, classes and distances are the same to the last bit once the file was written and read."""
    photo = np.random.default_rng(2).normal(size=16).astype(np.float32)
    before = reference.nearest(photo, 5)
    write_reference(folder, reference)
    read = read_reference(folder)
    assert read is not None
    assert read.nearest(photo, 5) == before
    assert read.distance(photo) == before[0][2]
    assert [class_index for _, class_index, _ in before] == [HASHES.index(found) % 3 for found, _, _ in before]


def test_a_training_photo_is_its_own_neighbour(reference: Reference) -> None:
    """However bright, it is at distance 0 but for the rounding of the file."""
    (nearest,) = reference.nearest(7 * reference.features[11], 1)
    assert nearest == (HASHES[11], 2, pytest.approx(0, abs=1e-3))


def test_many_photos_are_thinned_out_evenly() -> None:
    """Of more photos than are kept the first, the last and every so manyth stay."""
    count = 2 * MAX_PHOTOS
    kept = Reference([str(number) for number in range(count)], np.zeros(count, int), np.ones((count, 1), np.float32))
    numbers = [int(name) for name in kept.hashes]
    assert (len(numbers), numbers[0], numbers[-1]) == (MAX_PHOTOS, 0, count - 1)
    assert max(np.diff(numbers)) <= 3


def test_nobody_has_examined_the_model(folder: RunFolder) -> None:
    """Without the file there is nothing to compare with, and no error."""
    assert read_reference(folder) is None


def test_features_of_another_network_are_refused(reference: Reference) -> None:
    """The message says both widths."""
    with pytest.raises(RunFileError, match="has 4 features, those of the training photos are 16"):
        reference.distance(np.ones(4, np.float32))


@pytest.mark.parametrize("damage", ["cut off", "no photo", "other length", "no number"])
def test_damaged_files(folder: RunFolder, reference: Reference, damage: str) -> None:
    """Whatever is wrong with the file, the error says to examine the model again."""
    write_reference(folder, reference)
    path = folder.reference_path
    if damage == "cut off":
        path.write_bytes(path.read_bytes()[:500])
    else:
        hashes = HASHES[:0] if damage == "no photo" else HASHES
        features = np.ones((39 if damage == "other length" else len(hashes), 4), np.float16)
        if damage == "no number":
            features[0] = np.nan
        np.savez(path, hashes=np.array(hashes, "U64"), class_indices=CLASSES[: len(hashes)], features=features)
    with pytest.raises(RunFileError, match="Examine the model again"):
        read_reference(folder)
