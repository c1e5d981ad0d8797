"""The handler of the task kind `export_model`: a run's model in one format, proven, as a zip that people take away."""

from core.export.formats import find_format
from core.jobs.context import TaskContext
from core.packaging.exporter import Exporter
from core.training.memory import forget_networks


def run_export_model_task(context: TaskContext) -> None:
    """Export a model; the payload is `{"run_id": number, "format": name}`.

    Raises:
        ParityError: the sample program of the export failed.
        RunFileError: a file of the run is missing or damaged.
        UnknownRunError: the run was deleted meanwhile.
        BackboneError: the backbone cannot be built any more.
        StorageError: the disk is full.
    """
    context.call_afterwards(forget_networks)
    exporter = Exporter(
        int(context.payload["run_id"]),
        settings=context.settings,
        database=context.database,
        check_cancelled=context.check_cancelled,
    )
    exporter.make(find_format(str(context.payload["format"])), report=context.report)
