"""The batches of visitors, as a server has them."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from time import monotonic

from core.inference.batch_registry import BatchRegistry
from core.inference.fair_pool import FairPool
from core.settings import Settings
from core.storage.db import open_database


@contextmanager
def running_registry(
    settings: Settings, clock: Callable[[], float] = monotonic, *, keeps_photos: bool = True
) -> Iterator[BatchRegistry]:
    """A registry with threads and a database of its own, until the block is left.

    Args:
        settings: where the database is, and how much room there is.
        clock: in seconds.
        keeps_photos: whether another one finds the batches afterwards.
    """
    with closing(open_database(settings)) as database:
        pool = FairPool(settings.num_inference_threads)
        registry = BatchRegistry(settings, pool, database, clock=clock)
        yield registry
        pool.close()
        registry.close(keeps_photos=keeps_photos)
