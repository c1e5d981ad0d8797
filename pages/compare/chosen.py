"""What is compared: runs, plain networks, and models from elsewhere."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from core.backbones.catalog import Backbone, find_backbone
from core.errors import UnknownBackboneError, UnknownForeignModelError, UnknownRunError
from core.foreign.records import ForeignModelView
from core.runs.records import RunStatus, RunView
from core.services import Services
from pages.widgets import links
from pages.widgets.address import COMPARISON, row_number
from pages.words.standing import STATUS_WORDS

MAX_RUNS, MAX_NETWORKS, MAX_FOREIGN = 12, 4, 4

_MAX_SHOWN_CHARS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the address asks for, whether it is there or not."""

    runs: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()
    foreign: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What can be compared of it, and what cannot."""

    runs: tuple[RunView, ...]  # finished, out of the trash, in the order of the address
    networks: tuple[Backbone, ...]
    foreign: tuple[ForeignModelView, ...]
    complaints: tuple[str, ...]  # for people: what was asked for and cannot be compared; plain text

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to compare."""
        return not self.runs and not self.networks and not self.foreign


def choose(run_ids: Iterable[int], networks: Iterable[str] = (), foreign: Iterable[int] = ()) -> None:
    """Compare these, from the next run of the page on."""
    wanted = Wanted(runs=tuple(map(str, run_ids)), networks=tuple(networks), foreign=tuple(map(str, foreign)))
    COMPARISON.open(_address(wanted))


def chosen(services: Services) -> Chosen:
    """What is to be compared; the address says so afterwards."""
    asked_for = COMPARISON.wanted()
    wanted = Wanted(
        runs=_parts(asked_for, links.RUNS),
        networks=_parts(asked_for, links.NETWORKS),
        foreign=_parts(asked_for, links.FOREIGN),
    )
    COMPARISON.open(_address(wanted))
    COMPARISON.write(COMPARISON.last())
    return resolve(wanted, services)


def resolve(wanted: Wanted, services: Services) -> Chosen:
    """Find what an address asks for; everything that cannot be compared becomes a complaint."""
    complaints: list[str] = []
    runs: dict[int, RunView] = {}
    for text in wanted.runs:
        found = _find_run(text, services)
        if isinstance(found, str):
            complaints.append(found)
        elif found.id in runs:
            complaints.append(f"{found.name} was asked for twice; a model compared with itself shows no difference.")
        elif len(runs) == MAX_RUNS:
            complaints.append(f"{found.name} is left out: at most {MAX_RUNS} models are compared at a time.")
        else:
            runs[found.id] = found
    networks: dict[str, Backbone] = {}
    for name in wanted.networks:
        try:
            backbone = find_backbone(name)
        except UnknownBackboneError:
            complaints.append(f"No network is called “{_shown(name)}”; the page Networks lists all there are.")
            continue
        if not backbone.has_classes:
            complaints.append(f"{backbone.title} names nothing by itself; only models trained with it can be compared.")
        elif len(networks) < MAX_NETWORKS or name in networks:
            networks[name] = backbone
        else:
            complaints.append(f"{backbone.title} is left out: at most {MAX_NETWORKS} plain networks are compared.")
    return Chosen(
        runs=tuple(runs.values()),
        networks=tuple(networks.values()),
        foreign=_find_foreign(wanted.foreign, services, complaints),
        complaints=tuple(complaints),
    )


def is_comparable(run: RunView) -> bool:
    """Whether a run is done, has a result, and is out of the trash."""
    return run.status is RunStatus.DONE and run.outcome is not None and run.trashed_at is None


def _find_run(text: str, services: Services) -> RunView | str:
    """The run with this number, or why it cannot be compared."""
    run_id = row_number(text)
    if run_id is None:
        return f"“{_shown(text)}” is not the number of a run; an address such as ?runs=3,5 was expected."
    try:
        run = services.runs.get_run(run_id)
    except UnknownRunError:
        return f"There is no run {run_id}; it may have been deleted for good."
    if run.trashed_at is not None:
        return f"{run.name} (run {run.id}) is in the trash; bring it back on the Train page to compare it."
    if run.is_active:
        return f"{run.name} (run {run.id}) is not trained yet; it can be compared once it is done."
    if not is_comparable(run):
        return f"{run.name} (run {run.id}) has no model to compare: it {_ended(run.status)}."
    return run


def _find_foreign(numbers: Iterable[str], services: Services, complaints: list[str]) -> tuple[ForeignModelView, ...]:
    """The models from elsewhere with these numbers; whatever cannot be compared becomes a complaint."""
    found: dict[int, ForeignModelView] = {}
    for text in numbers:
        model_id = row_number(text)
        try:
            model = None if model_id is None else services.foreign.get(model_id)
        except UnknownForeignModelError as exc:
            complaints.append(str(exc))
            continue
        if model is None:
            complaints.append(f"“{_shown(text)}” is not the number of a model from elsewhere.")
        elif model.trashed_at is not None:
            complaints.append(f"{model.name} was deleted; bring it back on the Classify page to compare it.")
        elif len(found) < MAX_FOREIGN or model.id in found:
            found[model.id] = model
        else:
            complaints.append(f"{model.name} is left out: at most {MAX_FOREIGN} models from elsewhere are compared.")
    return tuple(found.values())


def _ended(status: RunStatus) -> str:
    words = STATUS_WORDS[status][0]
    return "has failed" if status is RunStatus.FAILED else f"was {words}"


def _shown(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN_CHARS else f"{text[:_MAX_SHOWN_CHARS]}…"


def _parts(asked_for: Mapping[str, str], parameter: str) -> tuple[str, ...]:
    parts = (part.strip() for part in asked_for.get(parameter, "").split(","))
    # Twice what can be compared is more than any link of ours has, and little enough to complain about one by one.
    return tuple(part for part in parts if part)[: 2 * MAX_RUNS]


def _address(wanted: Wanted) -> dict[str, str]:
    values = {links.RUNS: wanted.runs, links.NETWORKS: wanted.networks, links.FOREIGN: wanted.foreign}
    return {parameter: ",".join(names) for parameter, names in values.items() if names}
