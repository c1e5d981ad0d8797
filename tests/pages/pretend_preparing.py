"""A worker that only pretends to prepare a network: it brings what another one has prepared."""

from pathlib import Path

from core.backbones.preparation import PREPARE_KIND
from core.jobs.kinds import Lane
from core.jobs.status import TaskStatus
from core.services import Services
from tests.conftest import link_backbones

_WORKER = "pretender"


def finish_preparing(services: Services, prepared_cache: Path) -> None:
    """Take the oldest preparation that waits, and end it with the default network ready."""
    services.queue.register_worker(_WORKER, pid=1, host="elsewhere", lane=Lane.NETWORKS)
    task = services.queue.claim(_WORKER, [PREPARE_KIND])
    assert task is not None
    link_backbones(prepared_cache, services.settings)
    services.queue.finish(task.id, _WORKER, status=TaskStatus.DONE)
