"""The list of runs: how each stands, how good it became, how it got there."""

import html
import time
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from core.runs.records import RunView
from core.services import Services
from pages.server.run_routes import runs_url, tell_runs_now
from pages.train.opened import open_race, open_run
from pages.widgets.browser_component import load_component, show_component, watched_data
from pages.widgets.errors import guarded
from pages.widgets.renewal import renew
from pages.widgets.worth import caution
from pages.words.run_list_told import tell_line
from pages.words.standing import STATUS_WORDS
from pages.words.telling import with_tag
from pages.words.wording import count, plain

# A line looks as it does where nothing moves any more, by the page's own style sheet.
_line = load_component("run_line", isolate_styles=False)

_NUM_SHOWN = 12
_ONLY_DATASET, _SHOWN = "train.list.dataset", "train.list.shown"


def render_run_list(open_run_id: int | None, services: Services) -> None:
    """The runs of the visitor's choice, with the trash below; lines of runs that go on are kept up to date by the
    browser, which has the list made anew when a run comes into another state."""
    views = services.runs.list_runs()
    st.fragment(_render_runs)(open_run_id, services, just_read=[views])
    _render_trash(services)


def _render_runs(open_run_id: int | None, services: Services, *, just_read: list[list[RunView]]) -> None:
    """Part of the page; `just_read` has the runs for the first time that it is made."""
    views = just_read.pop() if just_read else services.runs.list_runs()
    st.markdown(f"**{count(len(views), 'run')}**")
    datasets = {dataset.id: dataset.name for dataset in services.library.datasets.all()}
    told = with_tag(tell_runs_now(views, datasets, services))
    shown = _filtered(views, datasets)
    num_shown = st.session_state.get(_SHOWN, _NUM_SHOWN)
    races: set[str] = set()
    for view in shown[:num_shown]:
        if view.race is not None and view.race not in races:
            races.add(view.race)
            _render_race(view.race, shown)
        with st.container(border=True, gap=None, key=f"train-run-{'open-' if view.id == open_run_id else ''}{view.id}"):
            _render_run(view, datasets, told, services)
    if len(shown) > num_shown:
        st.button(f"Show {len(shown) - num_shown:,} more", type="tertiary", on_click=guarded(_show_more))


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


def _render_run(view: RunView, datasets: Mapping[int, str], told: Mapping[str, Any], services: Services) -> None:
    st.button(
        plain(view.name),
        key=f"train.list.open.{view.id}",
        type="tertiary",
        icon=f":material/{STATUS_WORDS[view.status][1]}:",
        on_click=guarded(open_run),
        args=(view.id,),
    )
    if view.is_active:
        show_component(
            _line,
            key=f"train.list.line.{view.id}",
            data={"run_id": view.id, **watched_data(told, "state", "runs", url=runs_url())},
            on_event={"changed": renew},
        )
    else:
        st.html(line_html(tell_line(view, services.run_reader.accuracies(view), datasets, time.time())))
    warning = caution(view, services)
    if warning:
        st.html(f'<div class="bluetit-run-caution">{html.escape(warning)}</div>')


def line_html(line: Mapping[str, str]) -> str:
    """The line of a run that does not move any more."""
    shape = f'<i role="img" aria-label="{line["label"]}" style="clip-path:{line["shape"]}"></i>'
    text = html.escape(line["text"])
    return f'<div class="bluetit-run-facts"><span>{text}</span>{shape if line["shape"] else ""}</div>'


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
