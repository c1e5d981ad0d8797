"""What a server does now and then besides serving."""

import logging
import threading
from collections.abc import Callable, Mapping

from core.errors import BluetitError

logger = logging.getLogger(__name__)


class Housekeeper:
    """Threads that clear up now and then, in servers that run for months."""

    def __init__(self) -> None:
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def start(self, work: Callable[[], None], every_seconds: float) -> None:
        """Have something done again and again, for the first time after `every_seconds`."""

        def run() -> None:
            while not self._stopping.wait(every_seconds):
                work()

        thread = threading.Thread(target=run, name="housekeeper", daemon=True)
        self._threads.append(thread)
        thread.start()

    def stop(self) -> None:
        """End, once what is being done is done."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()


def take_all(steps: Mapping[str, Callable[[], object]], complaint: str) -> None:
    """Take steps one by one; what fails is told in the log and holds up none of the others.

    Args:
        steps: by what each is about.
        complaint: for the log, with a place for that.
    """
    for what, step in steps.items():
        try:
            step()
        # A file that may not be touched, or that a living worker has just removed, is no reason not to start.
        except (BluetitError, OSError):
            logger.exception(complaint, what)
