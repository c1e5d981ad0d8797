"""Sample photos that need no network."""

import pytest

from core.errors import StorageError
from core.photos.decode import decode_image
from core.photos.samples import SAMPLE_PHOTOS, SamplePhoto, sample_path


@pytest.mark.parametrize("sample", SAMPLE_PHOTOS, ids=lambda sample: sample.title)
def test_every_sample_is_a_photo_on_this_machine(sample: SamplePhoto):
    """Each lies in the installed package and is large enough for every network."""
    assert min(decode_image(sample_path(sample).read_bytes(), sample.file_name).size) >= 260


def test_a_missing_sample_says_how_to_get_it():
    """A stripped-down installation is told which package to install again."""
    with pytest.raises(StorageError, match="pip install --force-reinstall --no-deps scikit-image"):
        sample_path(SamplePhoto("Gone", "gone.png"))
