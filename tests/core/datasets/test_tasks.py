"""Background work on a dataset as a whole is asked for once."""

from core.datasets.library import Library
from core.datasets.tasks import CHECK_KIND, DatasetTasks
from core.jobs.queue import TaskQueue
from core.jobs.supervisor import Supervisor
from core.settings import Settings
from core.storage.db import Database
from core.task_kinds import TASK_KINDS, TASK_KINDS_PATH
from tests.core.datasets.library_samples import add
from tests.statements import noted_statements


def test_a_check_that_is_under_way_is_not_asked_for_again(
    library: Library, database: Database, settings: Settings
) -> None:
    """Each run of each visitor's page would wait for whoever writes into the database; nothing is written any more."""
    birds = library.datasets.create("birds").id
    add(library, birds, "crow", range(3))
    queue = TaskQueue(database, TASK_KINDS)
    tasks = DatasetTasks(settings, library, queue, Supervisor(settings, queue, kinds=TASK_KINDS_PATH))
    dataset = library.datasets.get(birds)
    tasks.request_check_if_needed(dataset)
    task = tasks.latest(CHECK_KIND, birds)
    assert task is not None
    assert task.is_active
    with noted_statements(database) as statements:
        tasks.request_check_if_needed(dataset)
    assert "BEGIN IMMEDIATE" not in statements
    assert tasks.latest(CHECK_KIND, birds) == task
