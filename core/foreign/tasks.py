"""The handler of the task that brings a model in."""

from core.foreign.library import ForeignLibrary
from core.foreign.places import remove_arrived
from core.foreign.reading import Reading
from core.foreign.records import ForeignSource
from core.jobs.context import TaskContext


def run_bring_task(context: TaskContext) -> None:
    """Handler of `bring_model`; the payload is a `ForeignSource` as JSON.

    Raises:
        BluetitError: it is refused, or cannot be kept; nothing of it is in the library.
    """
    source = ForeignSource.from_json(context.payload)

    def report(fraction: float | None, message: str) -> None:
        context.check_cancelled()
        context.report(fraction, message)

    Reading(context.settings, ForeignLibrary(context.database), report=report).run(source)
    context.call_when_done(lambda: remove_arrived(source, context.settings))
    context.report(1.0, "The model is here")
