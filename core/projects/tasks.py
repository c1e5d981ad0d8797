"""The handlers of the two tasks: a project is written, a project is brought in."""

from core.datasets.ingest.parts import archive_limits
from core.jobs.context import TaskContext
from core.projects.bringing_in import BringingIn
from core.projects.places import ProjectSource, project_path, remove_older_projects, remove_source, source_path
from core.projects.project_file import open_project
from core.projects.writing import write_project
from core.storage.files import remove_abandoned_drafts
from core.storage.open_store import open_store


def run_write_task(context: TaskContext) -> None:
    """Handler of `write_project`; the payload is `{"dataset_id": number, "run_ids": numbers, "file": name}`.

    Raises:
        BluetitError: it cannot be written.
    """
    settings, payload = context.settings, context.payload
    target = project_path(settings, str(payload["file"]))
    remove_abandoned_drafts(target.parent)
    if not target.is_file():
        write_project(
            context.database,
            settings,
            int(payload["dataset_id"]),
            [int(run_id) for run_id in payload["run_ids"]],
            target,
            report=lambda fraction, message: _report(context, fraction, message),
        )
        open_store(settings).keep(target)
    remove_older_projects(settings, target)


def run_read_task(context: TaskContext) -> None:
    """Handler of `read_project`; the payload is a `ProjectSource` as JSON.

    Raises:
        BluetitError: it cannot be brought in; nothing of it is kept.
    """
    source = ProjectSource.from_json(context.payload)
    path = source_path(source, context.settings)
    attempt = BringingIn(
        context.database,
        context.settings,
        source.key,
        report=lambda fraction, message: _report(context, fraction, message),
    )
    spool_dir = context.settings.cache_path
    spool_dir.mkdir(parents=True, exist_ok=True)
    with open_project(path, source.name, archive_limits(context.settings), spool_dir=spool_dir) as file:
        attempt.run(file)
    context.call_when_done(lambda: remove_source(source, context.settings))
    context.report(1.0, "The project is here")


def _report(context: TaskContext, fraction: float | None, message: str) -> None:
    context.check_cancelled()
    context.report(fraction, message)
