"""What is compared: runs and plain networks, kept in the address so that a comparison can be reopened and shared."""

from collections.abc import Iterable
from dataclasses import dataclass

import streamlit as st

from core.backbones.catalog import Backbone, find_backbone
from core.errors import UnknownBackboneError, UnknownRunError
from core.runs.records import RunStatus, RunView
from core.services import Services
from pages.widgets.last_page import is_asked_for_anew
from pages.widgets.status import STATUS_WORDS

MAX_RUNS, MAX_NETWORKS = 12, 4

_WANTED = "compare.wanted"
_ADDRESS = "compare.address"  # what this page wrote into the address last
_RUNS, _NETWORKS = "runs", "networks"
_MAX_DIGITS = 18  # what fits into the database's whole numbers
_MAX_SHOWN_CHARS = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the address asks for, whether it is there or not."""

    runs: tuple[str, ...] = ()
    networks: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.runs or self.networks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chosen:
    """What can be compared of it, and what cannot."""

    runs: tuple[RunView, ...]  # finished, out of the trash, in the order of the address
    networks: tuple[Backbone, ...]
    complaints: tuple[str, ...]  # for people: what was asked for and cannot be compared; plain text

    @property
    def is_empty(self) -> bool:
        """Whether nothing is left to compare."""
        return not self.runs and not self.networks


def choose(run_ids: Iterable[int], networks: Iterable[str] = ()) -> None:
    """Compare these, from the next run of the page on."""
    st.session_state[_WANTED] = Wanted(runs=tuple(map(str, run_ids)), networks=tuple(networks))


def comparison_address(run_ids: Iterable[int]) -> dict[str, str]:
    """Parameters of a link to a comparison of runs."""
    return {_RUNS: ",".join(map(str, run_ids))}


def chosen(services: Services) -> Chosen:
    """What is to be compared; the address says so afterwards."""
    asked_for = Wanted(runs=_read(_RUNS), networks=_read(_NETWORKS))
    if _WANTED not in st.session_state or is_asked_for_anew(asked_for, st.session_state.get(_ADDRESS)):
        st.session_state[_WANTED] = asked_for
    wanted: Wanted = st.session_state[_WANTED]
    _write(_RUNS, wanted.runs)
    _write(_NETWORKS, wanted.networks)
    st.session_state[_ADDRESS] = wanted
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
        if len(networks) < MAX_NETWORKS or name in networks:
            networks[name] = backbone
        else:
            complaints.append(f"{backbone.title} is left out: at most {MAX_NETWORKS} plain networks are compared.")
    return Chosen(runs=tuple(runs.values()), networks=tuple(networks.values()), complaints=tuple(complaints))


def is_comparable(run: RunView) -> bool:
    """Whether a run is done, has a result, and is out of the trash."""
    return run.status is RunStatus.DONE and run.outcome is not None and run.trashed_at is None


def _find_run(text: str, services: Services) -> RunView | str:
    """The run with this number, or why it cannot be compared."""
    if not text.isascii() or not text.isdecimal() or len(text) > _MAX_DIGITS:
        return f"“{_shown(text)}” is not the number of a run; an address such as ?runs=3,5 was expected."
    try:
        run = services.runs.get_run(int(text))
    except UnknownRunError:
        return f"There is no run {int(text)}; it may have been deleted for good."
    if run.trashed_at is not None:
        return f"{run.name} (run {run.id}) is in the trash; bring it back on the Train page to compare it."
    if run.is_active:
        return f"{run.name} (run {run.id}) is not trained yet; it can be compared once it is done."
    if not is_comparable(run):
        return f"{run.name} (run {run.id}) has no model to compare: it {_ended(run.status)}."
    return run


def _ended(status: RunStatus) -> str:
    words = STATUS_WORDS[status][0]
    return "has failed" if status is RunStatus.FAILED else f"was {words}"


def _shown(text: str) -> str:
    return text if len(text) <= _MAX_SHOWN_CHARS else f"{text[:_MAX_SHOWN_CHARS]}…"


def _read(parameter: str) -> tuple[str, ...]:
    parts = (part.strip() for part in st.query_params.get(parameter, "").split(","))
    # Twice what can be compared is more than any link of ours has, and little enough to complain about one by one.
    return tuple(part for part in parts if part)[: 2 * MAX_RUNS]


def _write(parameter: str, values: tuple[str, ...]) -> None:
    if values:
        st.query_params[parameter] = ",".join(values)
    else:
        st.query_params.pop(parameter, None)
