"""Where the module of TensorFlow Hub is that a run was made with."""

from pathlib import Path

from core.config import HUB_PREFIX
from core.settings import Settings


def find_hub_module(backbone: str, settings: Settings) -> str:
    """The handle or folder that a backbone's name of `TrainConfig` means.

    A folder that is not there any more is looked for by its name in the workspace's folder of modules: a run keeps the
    whole path, and the workspace may have been moved since.

    Args:
        backbone: `HUB_PREFIX` and a handle or folder.
        settings: where modules may be.
    """
    place = backbone.removeprefix(HUB_PREFIX)
    if "://" in place or Path(place).is_dir():
        return place
    moved = settings.hub_path / Path(place).name
    return str(moved) if moved.is_dir() else place
