"""After corrections: training again in seconds, and what that changed."""

import streamlit as st

from core.errors import BluetitError, UnknownRunError
from core.evaluation.answers import read_answers
from core.evaluation.flips import Flip, Flips, find_flips
from core.runs.changes import DatasetChanges
from core.runs.folder import RunFolder
from core.runs.records import RunStatus, RunView
from core.runs.retrain import begin_retraining
from core.services import Services
from pages.results.cards import Picture, find_missing, render_pictures
from pages.results.dataset_now import DatasetNow
from pages.results.material import Material
from pages.results.opened import WHAT_CHANGED, open_results
from pages.results.pager import render_pager
from pages.server.run_routes import run_url
from pages.widgets.errors import guarded, show_error
from pages.widgets.run_progress import run_progress
from pages.words.run_told import tell_run
from pages.words.telling import with_tag
from pages.words.wording import count, plain, quoted, time_text

_AWAITED = "results.retraining.awaited"  # numbers of the runs that this visitor began here and has not seen yet
_PER_PAGE = 8


def render_corrections_bar(material: Material, now: DatasetNow | None, services: Services) -> None:
    """How many photos were put right since the model was trained, and the button that trains it again."""
    view = material.view
    if now is None:
        st.caption(
            ":material/link_off: The dataset that it learned from was deleted, so photos cannot be corrected here. A "
            "deleted dataset can be brought back on the Dataset page."
        )
        return
    child = latest_retraining(view, services)
    if child is not None and child.is_active:
        with st.container(border=True, key="results-corrections"):
            st.markdown(f"Training **{plain(child.name)}**")
            told = with_tag(tell_run(services.run_reader.read(child)))
            run_progress(told, url=run_url(child.id), key=f"results.retraining.{child.id}")
        return
    if child is not None:
        _open_if_awaited(child)
    if now.changes is None or not now.changes.total:
        return
    with (
        st.container(border=True, key="results-corrections"),
        st.container(horizontal=True, vertical_alignment="center", gap="small"),
    ):
        st.markdown(f"**{changes_sentence(now.changes)}**", width="stretch")
        _render_undo(now, services)
        if child is not None and child.status is RunStatus.DONE:
            st.button(
                "See the last retraining",
                key="results.to_child",
                type="tertiary",
                icon=":material/arrow_forward:",
                on_click=guarded(open_results),
                args=(child.id, WHAT_CHANGED),
            )
        seconds = _seconds_of(view)
        took = "" if seconds is None else f" (about {time_text(seconds)})"
        st.button(
            f"Retrain{took}",
            key="results.retrain",
            type="primary",
            icon=":material/model_training:",
            help="A new run with the same settings on the photos as they are now. This one stays as it is.",
            on_click=guarded(_begin),
            args=(view, services),
        )


def changes_sentence(changes: DatasetChanges) -> str:
    """What has become of the photos since the model was trained."""
    parts = [
        f"{number:,} {words}"
        for number, words in (
            (changes.num_relabelled, "in another class"),
            (changes.num_removed, "taken out"),
            (changes.num_added, "added"),
            (changes.num_moved_split, "in another split"),
        )
        if number
    ]
    return f"{count(changes.total, 'correction')} since this model was trained: {', '.join(parts)}."


def latest_retraining(view: RunView, services: Services) -> RunView | None:
    """The newest run that is this one with other photos and nothing else changed; None where there is none."""
    return next(
        (
            other
            for other in services.runs.list_runs()
            if other.parent_id == view.id and _without_snapshot(other) == _without_snapshot(view)
        ),
        None,
    )


def _without_snapshot(view: RunView) -> dict[str, object]:
    return {name: value for name, value in view.config_values.items() if name != "snapshot"}


def _seconds_of(view: RunView) -> float | None:
    """What training it again takes at most: the features of nearly all photos are there already."""
    seconds = (view.outcome or {}).get("seconds", {})
    total, features = seconds.get("total"), seconds.get("features", 0.0)
    return None if total is None else max(1.0, total - features)


def _begin(view: RunView, services: Services) -> None:
    begun = begin_retraining(services.database, services.run_desk, view)
    st.session_state[_AWAITED] = {*st.session_state.get(_AWAITED, ()), begun.id}


def _open_if_awaited(child: RunView) -> None:
    """Show what a retraining has changed to whoever began it, once it is done; or say that it failed."""
    awaited: set[int] = st.session_state.get(_AWAITED, set())
    if child.id not in awaited:
        return
    st.session_state[_AWAITED] = awaited - {child.id}
    if child.status is RunStatus.DONE:
        open_results(child.id, WHAT_CHANGED)
        st.rerun()
    show_error(f"The retraining “{child.name}” did not succeed. {child.error or 'It was cancelled.'}")


def _render_undo(now: DatasetNow, services: Services) -> None:
    """The latest change of the dataset can be taken back here, whoever made it and wherever."""
    latest = next(iter(services.library.history.latest(now.dataset.id, limit=1)), None)
    if latest is not None and latest.undone_at is None:
        st.button(
            "Undo the last",
            key="results.undo",
            icon=":material/undo:",
            type="tertiary",
            help=plain(latest.summary),
            on_click=guarded(_undo),
            args=(latest.id, services),
        )


def _undo(operation_id: int, services: Services) -> None:
    result = services.library.history.undo(operation_id)
    st.toast(f"Undone: {plain(result.summary)}.", icon=":material/undo:")


# --- what changed ----------------------------------------------------------------------------------------


def find_parent(view: RunView, services: Services) -> RunView | None:
    """The finished run that this one is a changed copy of; None where it is none, or that one was deleted."""
    if view.parent_id is None:
        return None
    try:
        parent = services.runs.get_run(view.parent_id)
    except UnknownRunError:
        return None
    return parent if parent.status is RunStatus.DONE and parent.trashed_at is None else None


def render_what_changed(material: Material, parent: RunView, services: Services) -> None:
    """How the run before and this one differ on the photos that both were asked about."""
    if material.answers is None:
        return
    try:
        before = read_answers(RunFolder(services.settings, parent.id))
    except BluetitError as exc:
        show_error(f"What the run before said is lost. {exc}")
        return
    flips = find_flips(before, material.answers)
    st.markdown(f"#### {flips_sentence(flips)}")
    st.button(
        f"Compared with {plain(parent.name)}",
        key="results.to_parent",
        type="tertiary",
        icon=":material/arrow_back:",
        on_click=guarded(open_results),
        args=(parent.id,),
    )
    if not flips.num_common:
        return
    facts = st.container(horizontal=True, gap="medium")
    facts.metric("Right before", f"{flips.num_right_before:,} of {flips.num_common:,}", width="content")
    facts.metric(
        "Right now",
        f"{flips.num_right_after:,} of {flips.num_common:,}",
        delta=(flips.num_right_after - flips.num_right_before) or None,
        width="content",
        help="Both are judged by the classes that the photos have now.",
    )
    for title, icon, found, key in (
        ("Now right", "check_circle", flips.fixed, "fixed"),
        ("Now wrong", "cancel", flips.broken, "broken"),
        ("Wrong in another way", "swap_horiz", flips.changed_mind, "other"),
    ):
        _render_flips(f":material/{icon}: {title}", found, material, services, key=key)


def flips_sentence(flips: Flips) -> str:
    """What changed, in one sentence."""
    if not flips.num_common:
        return "No photo was judged by both runs, so there is nothing to compare."
    if not (flips.fixed or flips.broken or flips.changed_mind):
        return "Nothing changed: it says the same to every photo."
    gain = flips.num_right_after - flips.num_right_before
    told = f"{count(len(flips.fixed), 'photo')} put right, {len(flips.broken):,} now wrong"
    if gain > 0:
        return f"Better by {count(gain, 'photo')}: {told}."
    if gain < 0:
        return f"Worse by {count(-gain, 'photo')}: {told}."
    return f"As good as before: {told}."


def _render_flips(title: str, flips: tuple[Flip, ...], material: Material, services: Services, *, key: str) -> None:
    if not flips:
        return
    st.markdown(f"**{title} · {len(flips):,}**")
    shown = flips[render_pager(len(flips), per_page=_PER_PAGE, key=f"results.changed.{key}")]
    pictures = [
        Picture(
            photo_hash=flip.photo_hash,
            caption=f"It is {quoted(flip.class_name)}. Before: {quoted(flip.before)}; now: {quoted(flip.after)}",
        )
        for flip in shown
    ]
    render_pictures(pictures, material, find_missing({flip.photo_hash for flip in shown}, services))
