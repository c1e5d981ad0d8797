"""The copies on this server of what other servers have deleted: they are deleted here as well."""

from core.datasets.garbage import forget_copies as forget_photos
from core.datasets.library import Library
from core.features.cache import FeatureCache
from core.foreign.library import ForeignLibrary
from core.foreign.places import forget_copies as forget_models
from core.jobs.housekeeper import take_all
from core.photos.store import PhotoStore
from core.runs.left_overs import forget_copies as forget_runs
from core.runs.library import RunLibrary
from core.settings import Settings
from core.storage.db import Database


def forget_copies(database: Database, settings: Settings) -> None:
    """Delete what is of no row any more; what resists waits for the next time. Without object store there is nothing.

    Args:
        database: of everybody.
        settings: of this server.
    """
    steps = {
        "photos": lambda: forget_photos(Library(database), PhotoStore.of(settings), FeatureCache(settings)),
        "runs": lambda: forget_runs(RunLibrary(database), settings),
        "models from elsewhere": lambda: forget_models(settings, ForeignLibrary(database).all_ids()),
    }
    take_all(steps, "Copies of deleted %s could not be deleted here; that is tried again later.")
