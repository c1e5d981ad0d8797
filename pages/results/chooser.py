"""Which run to look at, and what to say where there is nothing to look at yet."""

import time
from collections import Counter
from collections.abc import Iterable

import streamlit as st

from core.runs.names import names_dataset
from core.runs.records import RunStatus, RunView
from core.services import Services
from pages.results.opened import open_results
from pages.server.run_routes import run_url
from pages.widgets import links
from pages.widgets.errors import guarded, show_error
from pages.widgets.run_progress import run_progress
from pages.words.run_told import tell_run
from pages.words.standing import STATUS_WORDS, best_score
from pages.words.telling import with_tag
from pages.words.wording import plain, share_text
from pages.words.worth import caution

_WIDGET = "results.chooser"


def render_chooser(shown: RunView, views: list[RunView], services: Services) -> None:
    """A box with the runs that are done, newest first; what the others are doing is said below."""
    done = {view.id: view for view in views if view.status is RunStatus.DONE}
    listed = done if shown.id in done else {shown.id: shown, **done}
    datasets = {dataset.id: dataset.name for dataset in services.library.datasets.all()}
    st.session_state[_WIDGET] = shown.id
    others = [view for view in views if view.status is not RunStatus.DONE and view.id != shown.id]
    with st.container(horizontal=True, vertical_alignment="bottom", gap="small", key="results-chooser"):
        st.selectbox(
            "Results of",
            list(listed),
            key=_WIDGET,
            format_func=lambda run_id: _title(listed[run_id], datasets, services),
            on_change=guarded(_follow),
            width=460,
        )
        links.render_link(
            links.training(shown.id),
            "Its training",
            icon=":material/model_training:",
        )
        rival = _find_rival(shown, done.values())
        if rival is not None:
            links.render_link(
                links.comparison([rival.id, shown.id]),
                "Compare",
                icon=":material/compare_arrows:",
                help_text=f"Is it really better than {plain(rival.name)}?",
            )
        if others:
            links.render_link(links.trainings(), describe_others(others), icon=":material/arrow_forward:")


def _follow() -> None:
    """Open what was chosen in the box; Streamlit hands over a mere text where a run was renamed in between."""
    chosen = st.session_state[_WIDGET]
    if isinstance(chosen, int):
        open_results(chosen)


def _find_rival(shown: RunView, done: Iterable[RunView]) -> RunView | None:
    """What a run is best compared with: the one that it is a corrected copy of, else the best one of its dataset."""
    others = [view for view in done if view.id != shown.id and view.dataset_id == shown.dataset_id]
    if shown.status is not RunStatus.DONE or not others:
        return None
    parent = next((view for view in others if view.id == shown.parent_id), None)
    return parent or max(others, key=lambda view: (_accuracy(view), view.id))


def _accuracy(view: RunView) -> float:
    score = best_score(view)
    return -1.0 if score is None else score.accuracy


def _title(view: RunView, datasets: dict[int, str], services: Services) -> str:
    score = best_score(view)
    facts = [view.name]
    if view.status is not RunStatus.DONE:
        facts.append(STATUS_WORDS[view.status][0])
    if score is not None:
        facts.append(f"{share_text(score.accuracy)} right")
    warning = caution(view, services)
    if warning:
        facts.append(warning)
    if view.dataset_id in datasets and not names_dataset(view.name, datasets[view.dataset_id]):
        facts.append(datasets[view.dataset_id])
    facts.append(time.strftime("%d %b, %H:%M", time.localtime(view.finished_at or view.created_at)))
    return " · ".join(facts)


def describe_others(others: list[RunView]) -> str:
    """How many runs have no results, by what became of them."""
    counts = Counter(STATUS_WORDS[view.status][0] for view in others)
    parts = ", ".join(f"{number:,} {words}" for words, number in counts.items())
    return f"Without results: {parts}. See Train."


def render_nothing(views: list[RunView]) -> None:
    """In place of results where no run is done."""
    st.title("How good is it?", anchor=False)
    if views:
        st.markdown(f"No training is done yet. {describe_others(views)}")
        label = "See how it goes"
    else:
        st.markdown(
            "Here you will see what a model gets right and wrong, and why, and put it right. First there must be one: "
            "choose photos, press one button, and come back."
        )
        label = "Train a model"
    links.render_link(links.trainings(), label, icon=":material/model_training:", look="primary")


def render_unfinished(view: RunView, services: Services) -> None:
    """In place of the results of a run that has none."""
    st.title(plain(view.name), anchor=False)
    words = STATUS_WORDS[view.status][0]
    if view.is_active:
        st.info(f"This run is still {words}: there are no results yet.", icon=":material/hourglass_top:")
        told = with_tag(tell_run(services.run_reader.read(view)))
        run_progress(told, url=run_url(view.id), key=f"results.progress.{view.id}")
    elif view.status is RunStatus.CANCELLED:
        st.info("This run was cancelled. There is no model, and there are no results.", icon=":material/block:")
    else:
        show_error(f"This run was not finished: {words}. {view.error or 'Its log may tell why.'}")
    links.render_link(
        links.training(view.id),
        "Open its training",
        icon=":material/model_training:",
        look="primary",
    )
