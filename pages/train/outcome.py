"""A run that has ended: how good its model is in plain words, and what can be done next."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

from core.config import SCRATCH
from core.runs.folder import RunFolder
from core.runs.history import RunHistory
from core.runs.records import RunStatus, RunView
from core.runs.story import Outcome, Score
from core.services import Services
from pages.train.downloads import render_downloads
from pages.train.exports import render_exports
from pages.train.start import begin_again
from pages.train.trying import render_trying
from pages.train.walk_through import render_comparison
from pages.widgets import links
from pages.widgets.errors import guarded, show_error, told
from pages.widgets.worth import MENDINGS, NO_REASON, Mending, find_reasons, reason_markdown, render_place
from pages.words.wording import count, plain, range_text, share_text, size_text, time_text
from pages.words.worth import Weighed, weigh_run

_LOG_TAIL_BYTES = 30_000
_POINT = 0.005  # half a point of accuracy: less is told as "about the same"


def render_outcome(view: RunView, told: Mapping[str, Any], history: RunHistory, services: Services) -> None:
    """What came of a run, whichever way it ended.

    Args:
        view: the run.
        told: how making its files goes, from `pages.words.run_told`.
        history: what it told.
        services: where it is kept.
    """
    if view.status is RunStatus.DONE and view.outcome is not None:
        _render_done(view, Outcome.from_json(view.outcome), told, services)
    elif view.status is RunStatus.CANCELLED:
        st.info("This run was discarded. There is no model.", icon=":material/block:")
        _render_next_steps(view, services, is_done=False)
    else:
        _render_broken(view, history, services)


def _render_done(view: RunView, outcome: Outcome, told: Mapping[str, Any], services: Services) -> None:
    score = outcome.test_score or outcome.validation_score
    if score is None:
        st.warning(
            "The model is ready, but nobody can tell how good it is: there were neither validation nor test photos.",
            icon=":material/help:",
        )
    else:
        weighed = weigh_run(view, services)
        if weighed is not None and not weighed.worth.is_better:
            _render_worth(weighed, view, services)
        else:
            _render_scores(view, outcome)
        baseline = _baseline_text(view, outcome, services)
        if baseline:
            st.markdown(baseline)
    _render_facts(outcome)
    _render_next_steps(view, services, is_done=True)
    render_comparison(view, services)
    render_trying(view, services)
    render_exports(view, services)
    render_downloads(view, told, services)


def _render_worth(weighed: Weighed, view: RunView, services: Services) -> None:
    """A result that is no better than guessing: that first, then what may be behind it, with the remedies."""
    st.markdown(f"### :orange[:material/casino:] {plain(weighed.title)}")
    st.markdown(plain(weighed.sentence))
    reasons = find_reasons(view, weighed.worth, services)
    with st.container(border=True, key="train-reasons", gap="small"):
        st.markdown("**What may be behind it**" if reasons else NO_REASON)
        for reason in reasons:
            mending = MENDINGS[reason.kind]
            st.markdown(reason_markdown(reason))
            if mending.section:
                render_place(mending, view)
            else:
                st.button(
                    mending.label,
                    key=f"train.mend.{reason.kind}.{view.id}",
                    icon=f":material/{mending.icon}:",
                    on_click=guarded(_begin_mended),
                    args=(view.id, mending, services),
                )


def _begin_mended(run_id: int, mending: Mending, services: Services) -> None:
    begin_again(run_id, services, is_fine_tuned=mending.is_fine_tuned, changes=mending.changes)


def _render_scores(view: RunView, outcome: Outcome) -> None:
    test, validation = outcome.test_score, outcome.validation_score
    if test is not None:
        st.markdown(f"### {score_sentence(test, 'it had never seen')}")
        told = "Test accuracy with its 95 % interval."
        if validation is not None:
            told += f" Validation: {validation.num_correct:,} of {validation.num_photos:,}, "
            told += f"{share_text(validation.accuracy)}; those photos also decided which epoch was kept."
        st.caption(told)
    elif validation is not None:
        st.markdown(f"### {score_sentence(validation, 'for validation')}")
        with st.container(horizontal=True, wrap=False, vertical_alignment="center", gap="small"):
            st.caption(
                "Validation accuracy with its 95 % interval. These photos also decided which epoch was kept, so it is "
                "probably a little too good; photos for the test would tell the truth."
            )
            if view.dataset_id is not None:
                links.render_link(
                    links.dataset(view.dataset_id, "Split"),
                    "Split",
                    icon=":material/arrow_forward:",
                )


def score_sentence(score: Score, which: str) -> str:
    """A score in one sentence, with what is plausible after so many photos.

    Args:
        score: how many were right.
        which: what photos they were, such as "it had never seen".
    """
    return (
        f"Right on {score.num_correct:,} of {count(score.num_photos, 'photo')} {which}: "
        f"**{share_text(score.accuracy)}**, plausibly {range_text(score.low, score.high)}"
    )


def _baseline_text(view: RunView, outcome: Outcome, services: Services) -> str | None:
    """How much better it is than a network that learned from the same photos alone; None where none did."""
    if view.config_values.get("backbone") == SCRATCH:
        return None
    for other in services.runs.list_runs():
        is_baseline = other.snapshot_hash == view.snapshot_hash and other.config_values.get("backbone") == SCRATCH
        if not is_baseline or other.status is not RunStatus.DONE or other.outcome is None:
            continue
        theirs = Outcome.from_json(other.outcome)
        both = (outcome.test_score, theirs.test_score)
        if None in both:
            both = (outcome.validation_score, theirs.validation_score)
        if both[0] is not None and both[1] is not None:
            return gap_text(both[0], both[1], other.name)
    return None


def gap_text(score: Score, baseline: Score, baseline_name: str) -> str:
    """What transfer learning gained over the network that started from nothing."""
    gap = score.accuracy - baseline.accuracy
    started = f"A small network that started from nothing (**{plain(baseline_name)}**) is right on "
    started += f"{share_text(baseline.accuracy)} of the same photos"
    points = f"{abs(100 * gap):.0f} point{'' if round(abs(100 * gap)) == 1 else 's'}"
    if abs(gap) < _POINT:
        return f"{started}: about the same."
    return f"{started}: starting from a ready-made one {'gains' if gap > 0 else 'loses'} **{points}**."


def _render_facts(outcome: Outcome) -> None:
    facts = st.container(horizontal=True, gap="medium")
    total = outcome.seconds.get("total")
    if total is not None:
        facts.metric("Time", time_text(total), width="content", help=_times_text(outcome))
    best = "" if outcome.best_epoch is None else f", best {outcome.best_epoch}"
    facts.metric("Epochs", f"{outcome.num_epochs}{best}", width="content", help="The best epoch is the one kept.")
    facts.metric("Size", size_text(outcome.model_bytes), width="content", help="Of what answers on the classify page.")
    if outcome.milliseconds_per_photo is not None:
        facts.metric(
            "Speed",
            f"{outcome.milliseconds_per_photo:.1f} ms",
            width="content",
            help="From pixels to probabilities, for one photo on one processor core of this computer (latency).",
        )
    facts.metric(
        "Trained",
        f"{outcome.num_trained_parameters:,}",
        width="content",
        help=f"Learned numbers (parameters) that this run changed, of {outcome.num_parameters:,} in all.",
    )
    photos = count(outcome.num_train_photos, "photo")
    st.caption(f"Learned from {photos} of {count(outcome.num_classes, 'class', 'classes')} on {plain(outcome.device)}.")


def _times_text(outcome: Outcome) -> str:
    parts = [f"{name.replace('_', ' ')} {time_text(each)}" for name, each in outcome.seconds.items() if name != "total"]
    return "; ".join(parts) or "From the start to the finished model."


def _render_next_steps(view: RunView, services: Services, *, is_done: bool) -> None:
    with st.container(horizontal=True, gap="small"):
        if is_done:
            links.render_link(
                links.results(view.id),
                "See results",
                icon=":material/insights:",
                look="primary",
                help_text="Where it is right and wrong, and why; put photos right and train again.",
            )
            links.render_link(
                links.classify_with_model(view.id),
                "Classify with it",
                icon=":material/image_search:",
                look="secondary",
            )
            links.render_link(
                links.stage_with_model(view.id),
                "Put it on stage",
                icon=":material/theater_comedy:",
                look="secondary",
                help_text="A screen that answers whoever walks past, and what happens when it sees a class.",
            )
        if is_done and view.config_values.get("backbone") != SCRATCH:
            st.button(
                "Fine-tune further",
                key=f"train.fine_tune.{view.id}",
                icon=":material/tune:",
                help="A new run that also adjusts the upper part of the network itself.",
                on_click=guarded(_begin_fine_tuning),
                args=(view.id, services),
            )
        st.button(
            "Train again with one change",
            key=f"train.again.{view.id}",
            icon=":material/replay:",
            help="The form, filled in like this run.",
            on_click=guarded(begin_again),
            args=(view.id, services),
        )


def _begin_fine_tuning(run_id: int, services: Services) -> None:
    begin_again(run_id, services, is_fine_tuned=True)


# --- runs that ended before their time -------------------------------------------------------------------


def _render_broken(view: RunView, history: RunHistory, services: Services) -> None:
    if view.status is RunStatus.FAILED:
        show_error(view.error or "The run failed, and nobody knows why. The log may tell.")
    else:
        st.warning(plain(view.error or "The run was interrupted."), icon=":material/pause_circle:")
    kept = f"{count(history.num_epochs, 'finished epoch')} kept" if history.num_epochs else "nothing lost but time"
    with st.container(horizontal=True, vertical_alignment="center", gap="small"):
        if view.can_go_on:
            st.button(
                "Resume",
                key=f"train.resume.{view.id}",
                type="primary",
                icon=":material/play_arrow:",
                help="Goes on from the last finished epoch.",
                on_click=guarded(services.run_desk.resume),
                args=(view.id,),
            )
        st.button(
            "Train again with one change",
            key=f"train.again.{view.id}",
            icon=":material/replay:",
            on_click=guarded(begin_again),
            args=(view.id, services),
        )
        st.caption(kept, width="content")
    _render_log(view, services)


def _render_log(view: RunView, services: Services) -> None:
    path = RunFolder(services.settings, view.id).log_path
    opened = st.expander("Log", icon=":material/article:", key=f"train.log.{view.id}", on_change="rerun")
    if not opened.open:
        return
    with opened:
        try:
            size = path.stat().st_size
            with path.open("rb") as file:
                file.seek(max(0, size - _LOG_TAIL_BYTES))
                tail = file.read().decode("utf-8", errors="replace")
        except OSError:
            st.caption("There is no log: the run never began.")
            return
        if size > _LOG_TAIL_BYTES:
            tail = f"… the last {_LOG_TAIL_BYTES:,} of {size:,} bytes\n{tail.partition(chr(10))[2]}"
        tail = told(tail)
        st.code(tail or "It is empty.", language=None, height=360 if tail.count("\n") > 15 else "content")
