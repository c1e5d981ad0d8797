"""The library of runs: the only code that changes them.

Every change is one transaction that locks the run's row first (on SQLite: is the only writer), so pages and workers
that change it at once lose nothing. How a run's tasks stand is read together with it.
"""

from core.runs.progress import RunProgress
from core.runs.shelf import RunShelf
from core.storage.db import Database


class RunLibrary(RunShelf, RunProgress):
    """Everything about the runs of one database; safe to share between threads."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
