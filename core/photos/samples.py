"""Sample photos that need no network: they come with the scikit-image package.

Source and licences of the photos: `skimage/data/README.txt`. The package's files are read in place; its Python code,
which would load SciPy, is not imported.
"""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from core.errors import StorageError


@dataclass(frozen=True, slots=True)
class SamplePhoto:
    """One photo of the scikit-image package."""

    title: str  # for people
    file_name: str  # within skimage/data


SAMPLE_PHOTOS = (
    SamplePhoto("Cat", "chelsea.png"),
    SamplePhoto("Coffee", "coffee.png"),
    SamplePhoto("Rocket", "rocket.jpg"),
    SamplePhoto("Motorcycle", "motorcycle_left.png"),
    SamplePhoto("Astronaut", "astronaut.png"),
)


def sample_path(sample: SamplePhoto) -> Path:
    """Where the photo lies on this machine.

    Raises:
        StorageError: the scikit-image package is not installed or lacks the photo.
    """
    spec = importlib.util.find_spec("skimage")
    folders = (spec.submodule_search_locations or ()) if spec else ()
    for folder in folders:
        path = Path(folder) / "data" / sample.file_name
        if path.is_file():
            return path
    raise StorageError(
        f"The sample photo {sample.file_name} is missing. Install the package that carries it: "
        "pip install --force-reinstall --no-deps scikit-image"
    )
