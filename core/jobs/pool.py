"""The workers that a lane may have, and how starting them went."""

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass

from core.jobs.kinds import Lane, TaskKind, kinds_of, placer_lane
from core.settings import Settings

logger = logging.getLogger(__name__)

BACK_OFF_SECONDS = 1.0  # after the first failed start; doubles each time,
MAX_BACK_OFF_SECONDS = 30.0  # up to this

CLUSTER_LOST = (
    "Training waits: the connection to the computers for it (the Ray cluster) broke off. It is being made anew."
)

# What is started for a lane is one of two programs with the same arguments, which end when their standard input closes:
# one that works at tasks itself, and one that has a cluster run workers. Nothing else knows which it is.
_WORKER_PROGRAM = "core.jobs.worker"
_CLUSTER_PROGRAM = "core.jobs.cluster.placer"


@dataclass(slots=True, kw_only=True)
class Pool:
    """The processes of one lane."""

    lane: Lane
    kind_names: frozenset[str]
    max_workers: int  # processes that run at the same time
    program: str = _WORKER_PROGRAM
    failed_starts: int = 0  # in a row
    failed_log_name: str = ""
    next_start_at: float = 0.0  # monotonic clock
    trouble: str | None = None  # that was logged last

    @property
    def is_placing(self) -> bool:
        """Whether its process has a cluster run the workers, which is waited for as long as it takes."""
        return self.program != _WORKER_PROGRAM

    @property
    def row_lane(self) -> str:
        """The lane of its processes in their rows."""
        return placer_lane(self.lane) if self.is_placing else self.lane

    def note_failed_start(self, what: str, log_name: str) -> None:
        """Wait before the next start, longer each time."""
        self.failed_starts += 1
        back_off_seconds = min(MAX_BACK_OFF_SECONDS, BACK_OFF_SECONDS * 2 ** (self.failed_starts - 1))
        self.next_start_at = time.monotonic() + back_off_seconds
        self.failed_log_name = log_name
        logger.warning("A worker %s, see %s; the next start is in %.0f s.", what, log_name, back_off_seconds)

    def note_trouble(self, trouble: str | None) -> None:
        """Log what those who wait are told, once; None: nothing is wrong."""
        if trouble is not None and trouble != self.trouble:
            logger.error("Component Ray cluster: %s The newest log of a worker says what exactly.", trouble)
        elif trouble is None and self.trouble is not None:
            logger.info("Component Ray cluster: it works again.")
        self.trouble = trouble


def pools_of(settings: Settings, kinds: Mapping[str, TaskKind]) -> list[Pool]:
    """A pool for each lane; only networks are trained elsewhere, photos stay with the server."""
    pools = []
    for lane in Lane:
        has_cluster = lane is Lane.NETWORKS and settings.workers != "local"
        # Photos take one worker; where networks are others' work, photos are, too.
        max_workers = settings.max_workers if lane is Lane.NETWORKS else min(1, settings.max_workers)
        pools.append(
            Pool(
                lane=lane,
                kind_names=kinds_of(lane, kinds),
                max_workers=1 if has_cluster else max_workers,
                program=_CLUSTER_PROGRAM if has_cluster else _WORKER_PROGRAM,
            )
        )
    return pools
