"""What is open on the train page: a run, a race, or the form for a new run, perhaps on top of a certain network."""

from collections.abc import Mapping

from core.backbones.catalog import Backbone, find_backbone
from core.errors import UnknownBackboneError, UnknownRunError
from core.runs.records import RunView
from core.services import Services
from pages.widgets import links
from pages.widgets.address import TRAINING, row_number
from pages.widgets.errors import show_error


def open_run(run_id: int) -> None:
    """Show this run, from the next run of the page on."""
    TRAINING.open(links.training(run_id).address)


def open_race(mark: str) -> None:
    """Show this race, from the next run of the page on."""
    TRAINING.open(links.race(mark).address)


def close() -> None:
    """Show the form for a new run, from the next run of the page on."""
    TRAINING.open({})


def opened(services: Services) -> RunView | str | Backbone | None:
    """The run that is open, the mark of the race that is, or None for the form.

    A network that a link asks for is told once: the form keeps it from then on.
    """
    found = _find(TRAINING.wanted(), services)
    if found is None or isinstance(found, Backbone):
        close()
    TRAINING.write(TRAINING.last())
    return found


def _find(wanted: Mapping[str, str], services: Services) -> RunView | str | Backbone | None:
    if links.RUN in wanted:
        return _find_run(wanted[links.RUN], services)
    if links.BACKBONE in wanted:
        try:
            return find_backbone(wanted[links.BACKBONE])
        except UnknownBackboneError:
            return None  # the address was typed: the form as it was
    if links.RACE not in wanted:
        return None
    mark = wanted[links.RACE]
    return mark if any(view.race == mark for view in services.runs.list_runs()) else None


def _find_run(text: str, services: Services) -> RunView | None:
    run_id = row_number(text)
    if run_id is None:
        return None
    try:
        view = services.runs.get_run(run_id)
    except UnknownRunError as exc:
        show_error(str(exc))
        return None
    return None if view.trashed_at is not None else view
