"""How a run is trained again after its photos were corrected."""

import re

from core.datasets.shelves.rows import WRITE_TRIES
from core.errors import NameRefusedError, UnknownDatasetError
from core.names import MAX_NAME_CHARS
from core.runs.begin import RunRequest, begin_runs
from core.runs.desk import RunDesk
from core.runs.library import RunLibrary
from core.runs.records import RunView
from core.storage.db import Database

_ENDING = ", corrected"


def begin_retraining(database: Database, desk: RunDesk, view: RunView) -> RunView:
    """Train a run again, with its own config, on its dataset as it is now.

    Photos keep their splits; new ones are given one. Features of photos that the cache knows are not computed again.

    Args:
        database: holds datasets and runs.
        desk: takes the new run.
        view: the run; it stays as it is and becomes the parent of the new one.

    Returns:
        The new run, "X, corrected".

    Raises:
        UnknownDatasetError: the run's dataset is in the trash, or was deleted for good.
        DatasetError: nothing could be learned from the dataset any more.
        ConfigError: another version of Bluetit wrote the run's config, or its backbone may not be loaded any more.
        UnknownRunError: the run was deleted for good.
        NameRefusedError: others begin some with the same name at this moment.
        StorageError: the folder of the new run cannot be made.
    """
    if view.dataset_id is None:
        raise UnknownDatasetError(
            f"The dataset that the run “{view.name}” learned from was deleted for good, so there is nothing to correct "
            "and to train again. Its model and its results stay as they are."
        )
    config, runs = view.config, RunLibrary(database)
    for _ in range(WRITE_TRIES):
        request = RunRequest(
            dataset_id=view.dataset_id,
            config=config,
            recipe=view.recipe,
            name=runs.free_name(_corrected_name(view.name)),
            parent_id=view.id,
        )
        try:
            return begin_runs(database, desk, [request])[0]
        except NameRefusedError:
            continue  # somebody else was given this name at the same moment
    raise NameRefusedError(f"No free name was found for a new run of “{view.name}”: others begin some. Try again.")


def _corrected_name(name: str) -> str:
    """The name with what tells that it was corrected, once: a number after it counts anew."""
    root = re.sub(rf"{_ENDING}( \d+)?$", "", name)
    return root[: MAX_NAME_CHARS - len(_ENDING)].rstrip() + _ENDING
