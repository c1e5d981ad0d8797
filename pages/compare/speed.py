"""How fast the models of a comparison are on this machine now, measured in one session."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import streamlit as st

from core.errors import BluetitError
from core.evaluation.latency import NUM_ROUNDS, Latency, measure_latencies
from core.services import Services
from pages.compare.entrants import Entrant
from pages.widgets.errors import show_error, told
from pages.words.wording import count

_MEASURED = "compare.speeds"


@dataclass(frozen=True, slots=True, kw_only=True)
class Speeds:
    """Milliseconds for one photo by the key of the model, all from one session or all from the trainings."""

    milliseconds: Mapping[str, float]
    is_measured: bool  # here and now, side by side

    @property
    def title(self) -> str:
        """What the figures are called."""
        return "Time per photo, now" if self.is_measured else "Time per photo, when trained"


def speeds_of(entrants: Sequence[Entrant]) -> Speeds:
    """The last measurement where it was of all these models, else what each run measured by itself."""
    measured = _measured()
    if all(_mark(each) in measured for each in entrants):
        latencies = {each.key: measured[_mark(each)] for each in entrants}
        return Speeds(
            milliseconds={key: found.median for key, found in latencies.items() if isinstance(found, Latency)},
            is_measured=True,
        )
    told = {each.key: each.milliseconds for each in entrants}
    return Speeds(milliseconds={key: value for key, value in told.items() if value is not None}, is_measured=False)


def render_speed_button(entrants: Sequence[Entrant], speeds: Speeds, services: Services) -> None:
    """A button that measures all models in turn; once pressed, how far it is."""
    label = "Measure the speed again" if speeds.is_measured else "Measure the speed now"
    is_pressed = st.button(
        label,
        icon=":material/speed:",
        key="compare.measure",
        help="All models answer in turn, several rounds, so that whatever else this computer does disturbs them alike.",
    )
    if is_pressed:
        _measure(entrants, services)
        st.rerun()  # the table above shows the figures
    for entrant in entrants:
        found = _measured().get(_mark(entrant))
        if isinstance(found, str):
            show_error(f"{entrant.title}: {found}")


def describe_speeds(speeds: Speeds, services: Services) -> str:
    """Where the times come from, in one sentence."""
    if speeds.is_measured:
        cores = count(services.settings.num_inference_threads, "core")
        return (
            f"Times (latency) were measured in one session on {cores} of this computer: from the pixels to the answer, "
            f"each model in turn, median of {NUM_ROUNDS} rounds."
        )
    return (
        "Times (latency) are those that each training noted for itself, on one core; measured now, side by side, they "
        "can be compared better."
    )


def _measure(entrants: Sequence[Entrant], services: Services) -> None:
    bar = st.progress(0.0, text="Loading the models")
    loaded = []
    measured: dict[tuple[str, str], Latency | str] = {}
    for entrant in entrants:
        try:
            loaded.append((entrant, entrant.load(services)))
        except BluetitError as exc:
            measured[_mark(entrant)] = told(str(exc))

    def tell(num_done: int) -> None:
        bar.progress(num_done / NUM_ROUNDS, text=f"Round {num_done} of {NUM_ROUNDS}")

    latencies = measure_latencies([classifier for _, classifier in loaded], on_round=tell)
    measured |= {_mark(entrant): found for (entrant, _), found in zip(loaded, latencies, strict=True)}
    st.session_state[_MEASURED] = measured


def _measured() -> dict[tuple[str, str], Latency | str]:
    """The last measurement by model: its time, or why it could not be loaded."""
    measured: dict[tuple[str, str], Latency | str] = st.session_state.get(_MEASURED, {})
    return measured


def _mark(entrant: Entrant) -> tuple[str, str]:
    return entrant.key, entrant.fingerprint
