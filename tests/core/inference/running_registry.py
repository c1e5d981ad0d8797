"""The batches of visitors, as a server has them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from core.inference.batch_registry import BatchRegistry
from core.inference.fair_pool import FairPool
from core.settings import Settings


@contextmanager
def running_registry(settings: Settings, clock: Callable[[], float] = monotonic) -> Iterator[BatchRegistry]:
    """A registry with threads of its own, until the block is left."""
    pool = FairPool(settings.num_inference_threads)
    registry = BatchRegistry(settings, pool, clock=clock)
    yield registry
    pool.close()
    registry.close()
