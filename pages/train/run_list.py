"""The list of runs: how each stands, how good it became, how it got there."""

import html
import time
from collections.abc import Mapping, Sequence

import streamlit as st

from core.runs.names import names_dataset
from core.runs.records import RunView
from core.runs.story import EpochStory
from core.services import Services
from pages.train.opened import open_race, open_run
from pages.widgets.errors import guarded
from pages.widgets.status import STATUS_WORDS, best_score, duration_of
from pages.widgets.worth import caution
from pages.words.wording import count, plain, share_text, time_text

_POLL_SECONDS = 1.0
_NUM_SHOWN = 12
_LINES = "train.list.lines"  # (run, last event, rewinds) to the points of its sparkline
_ONLY_DATASET, _SHOWN = "train.list.dataset", "train.list.shown"
_HEIGHT_PX, _LINE_PX = 22, 2.5
_MAX_POINTS = 72


def render_run_list(open_run_id: int | None, services: Services) -> None:
    """The runs of the visitor's choice, with the trash below; looks again while one of them goes on."""
    views = services.runs.list_runs()
    is_active = any(view.is_active for view in views)
    st.fragment(_render_runs, run_every=_POLL_SECONDS if is_active else None)(
        open_run_id, services, was_active=is_active, just_read=[views]
    )
    _render_trash(services)


def _render_runs(
    open_run_id: int | None, services: Services, *, was_active: bool, just_read: list[list[RunView]]
) -> None:
    """Part of the page that looks again by itself; `just_read` has the runs for the first time that it is made."""
    views = just_read.pop() if just_read else services.runs.list_runs()
    st.markdown(f"**{count(len(views), 'run')}**")
    datasets = {dataset.id: dataset.name for dataset in services.library.datasets.all()}
    shown = _filtered(views, datasets)
    num_shown = st.session_state.get(_SHOWN, _NUM_SHOWN)
    races: set[str] = set()
    for view in shown[:num_shown]:
        if view.race is not None and view.race not in races:
            races.add(view.race)
            _render_race(view.race, shown)
        _render_run(view, datasets, services, is_open=view.id == open_run_id)
    if len(shown) > num_shown:
        st.button(f"Show {len(shown) - num_shown:,} more", type="tertiary", on_click=guarded(_show_more))
    if was_active and not any(view.is_active for view in views):
        st.rerun()  # the whole page, which ends the timer


def _show_more() -> None:
    st.session_state[_SHOWN] = st.session_state.get(_SHOWN, _NUM_SHOWN) + 5 * _NUM_SHOWN


def _filtered(views: Sequence[RunView], datasets: Mapping[int, str]) -> list[RunView]:
    used = sorted({view.dataset_id for view in views if view.dataset_id in datasets})
    if len(used) < 2:
        return list(views)
    chosen = st.selectbox(
        "Of dataset",
        [None, *used],
        key=_ONLY_DATASET,
        format_func=lambda dataset_id: "All datasets" if dataset_id is None else datasets[dataset_id],
        label_visibility="collapsed",
        persist_state="session",
    )
    return [view for view in views if chosen is None or view.dataset_id == chosen]


def _render_race(race: str, views: Sequence[RunView]) -> None:
    """The way to a race, above the first of its runs."""
    num_runs = sum(view.race == race for view in views)
    st.button(
        f"Race of {count(num_runs, 'network')}",
        key=f"train.list.race.{race}",
        type="tertiary",
        icon=":material/flag:",
        on_click=guarded(open_race),
        args=(race,),
    )


def _render_run(view: RunView, datasets: Mapping[int, str], services: Services, *, is_open: bool) -> None:
    words, icon, _ = STATUS_WORDS[view.status]
    with st.container(border=True, gap=None, key=f"train-run-{'open-' if is_open else ''}{view.id}"):
        st.button(
            plain(view.name),
            key=f"train.list.open.{view.id}",
            type="tertiary",
            icon=f":material/{icon}:",
            on_click=guarded(open_run),
            args=(view.id,),
        )
        score = best_score(view)
        seconds = duration_of(view, time.time())
        parts = [words if score is None else f"{share_text(score.accuracy)} right"]
        if seconds:
            parts.append(time_text(seconds))
        dataset = datasets.get(view.dataset_id) if view.dataset_id is not None else None
        if dataset is not None and not names_dataset(view.name, dataset):
            parts.append(dataset)
        line = sparkline(_points(view, services))
        text = html.escape(" · ".join(parts))
        st.html(f'<div class="bluetit-run-facts"><span>{text}</span>{line}</div>')
        warning = caution(view, services)
        if warning:
            st.html(f'<div class="bluetit-run-caution">{html.escape(warning)}</div>')


def _points(view: RunView, services: Services) -> list[float]:
    """Validation accuracy of each epoch; read again only when the run has told something new."""
    kept: dict[int, tuple[tuple[int, int], list[float]]] = st.session_state.setdefault(_LINES, {})
    state = (view.last_sequence, view.num_rewinds)
    if view.id not in kept or kept[view.id][0] != state:
        events = services.runs.events_after(view.id, 0, kinds=["epoch"])
        stories = [EpochStory.from_json(event.payload) for event in events]
        values = [
            story.accuracy if story.validation_accuracy is None else story.validation_accuracy for story in stories
        ]
        kept[view.id] = (state, [value for value in values if value is not None])
    return kept[view.id][1]


def sparkline(values: Sequence[float]) -> str:
    """A line from the lowest value to the highest as HTML; nothing for fewer than two values.

    Streamlit lets no SVG through, so the line is a box that is cut to the shape of one.
    """
    if len(values) < 2:
        return ""
    step = -(-len(values) // _MAX_POINTS)
    drawn = [*values[:-1:step], values[-1]]
    low, high = min(drawn), max(drawn)
    spread = (high - low) or 1.0
    points = [
        (100 * number / (len(drawn) - 1), (_HEIGHT_PX - _LINE_PX) * (high - value) / spread)
        for number, value in enumerate(drawn)
    ]
    upper = [f"{x:.1f}% {y:.1f}px" for x, y in points]
    lower = [f"{x:.1f}% {y + _LINE_PX:.1f}px" for x, y in reversed(points)]
    label = f"validation accuracy from {share_text(values[0])} to {share_text(values[-1])}"
    shape = f"clip-path:polygon({','.join(upper + lower)})"
    return f'<i role="img" aria-label="{label}" style="height:{_HEIGHT_PX}px;{shape}"></i>'


def _render_trash(services: Services) -> None:
    trashed = services.runs.list_trashed()
    if not trashed:
        return
    with st.expander(f"Deleted runs ({len(trashed)})", icon=":material/delete:"):
        for view in trashed:
            st.markdown(plain(view.name))
            with st.container(horizontal=True, gap="small"):
                st.button(
                    "Bring back",
                    key=f"train.trash.restore.{view.id}",
                    icon=":material/undo:",
                    type="tertiary",
                    on_click=guarded(_restore),
                    args=(view.id, services),
                )
                with st.popover("Delete for good", icon=":material/delete_forever:", type="tertiary"):
                    st.markdown("Its model, its curve and its files are lost. This cannot be undone.")
                    st.button(
                        "Delete for good",
                        key=f"train.trash.purge.{view.id}",
                        icon=":material/delete_forever:",
                        on_click=guarded(services.run_desk.purge),
                        args=(view.id,),
                    )


def _restore(run_id: int, services: Services) -> None:
    open_run(services.runs.restore(run_id).id)
