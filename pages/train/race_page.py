"""A race of networks: who is how good, how fast, how large; the winner can be fine-tuned."""

import html

import streamlit as st

from core.runs.records import RunStatus, RunView
from core.runs.story import Outcome
from core.services import Services
from pages.train.opened import close, open_run
from pages.train.start import begin_again
from pages.widgets.errors import guarded
from pages.widgets.status import STATUS_WORDS
from pages.words.wording import (
    count,
    others_before_text,
    plain,
    range_text,
    share_text,
    size_text,
    time_left,
    whole_percent,
)

_POLL_SECONDS = 1.0
_DONE_COLUMNS = ("place", "run", "validation accuracy", "plausibly", "time for one photo", "size")


def render_race(race: str, services: Services) -> None:
    """The race with this mark; the table looks again by itself until all have arrived."""
    with st.container(horizontal=True, vertical_alignment="center"):
        st.title("Which network suits the photos?", anchor=False, width="content")
        st.space("stretch")
        st.button("New run", icon=":material/add:", on_click=guarded(close))
    is_active = any(view.is_active for view in runs_of(race, services))
    st.fragment(_render, run_every=_POLL_SECONDS if is_active else None)(race, services, was_active=is_active)


def runs_of(race: str, services: Services) -> list[RunView]:
    """The runs of a race that are not in the trash."""
    return [view for view in services.runs.list_runs() if view.race == race]


def ranked(views: list[RunView]) -> list[RunView]:
    """The best first: by validation accuracy, the faster one where that is equal; those without a result last."""

    def key(view: RunView) -> tuple[float, float, int]:
        outcome = _outcome(view)
        score = None if outcome is None else outcome.validation_score
        if outcome is None or score is None:
            return (1.0, 0.0, view.id)
        return (-score.accuracy, outcome.milliseconds_per_photo or float("inf"), view.id)

    return sorted(views, key=key)


def _outcome(view: RunView) -> Outcome | None:
    is_done = view.status is RunStatus.DONE and view.outcome is not None
    return Outcome.from_json(view.outcome or {}) if is_done else None


def _render(race: str, services: Services, *, was_active: bool) -> None:
    views = ranked(runs_of(race, services))
    num_active = sum(view.is_active for view in views)
    if num_active:
        st.progress(
            (len(views) - num_active) / len(views), text=f"{len(views) - num_active} of {len(views)} have arrived"
        )
    st.html(_table([_row(place, view, services) for place, view in enumerate(views, start=1)]))
    st.caption(
        "Ranked by validation accuracy; with few photos, neighbours in the table may be equally good: look at what is "
        "plausible. The time for one photo is measured on one processor core of this computer (latency)."
    )
    with st.container(horizontal=True, gap="small"):
        winner = views[0] if views and _outcome(views[0]) else None
        if winner is not None and not num_active:
            st.button(
                f"Fine-tune the winner: {plain(winner.name)}",
                type="primary",
                icon=":material/emoji_events:",
                on_click=guarded(_fine_tune),
                args=(winner.id, services),
            )
        for view in views:
            st.button(
                plain(view.name),
                key=f"train.race.open.{view.id}",
                icon=f":material/{STATUS_WORDS[view.status][1]}:",
                on_click=guarded(open_run),
                args=(view.id,),
            )
    if was_active and not num_active:
        st.rerun()  # the whole page, which ends the timer


def _fine_tune(run_id: int, services: Services) -> None:
    begin_again(run_id, services, is_fine_tuned=True)


def _row(place: int, view: RunView, services: Services) -> tuple[str, ...]:
    outcome = _outcome(view)
    score = None if outcome is None else outcome.validation_score
    if outcome is None or score is None:
        return ("", view.name, _state(view, services), "", "", "")
    speed = outcome.milliseconds_per_photo
    return (
        f"{place}",
        view.name,
        f"{share_text(score.accuracy)} ({score.num_correct:,} of {score.num_photos:,})",
        range_text(score.low, score.high),
        "" if speed is None else f"{speed:.1f} ms",
        size_text(outcome.model_bytes),
    )


def _state(view: RunView, services: Services) -> str:
    """How far one is that has not arrived."""
    words = STATUS_WORDS[view.status][0]
    if view.status is RunStatus.QUEUED:
        place = services.run_desk.place_in_queue(view.id)
        return words if place is None else f"{words}, {others_before_text(place)}"
    progress = services.queue.progress(view.task_id) if view.is_active and view.task_id is not None else None
    if progress is None:
        return words
    if progress.fraction is None:
        return f"{words}: {progress.message}"
    return f"{words}, {whole_percent(progress.fraction)}{time_left(progress.seconds_left)}"


def _table(rows: list[tuple[str, ...]]) -> str:
    """As HTML, so that it can be read on a phone and by a screen reader; names are shown letter by letter."""
    head = "".join(f'<th scope="col">{title}</th>' for title in _DONE_COLUMNS)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td data-title="{title}">{html.escape(cell)}</td>' for title, cell in zip(_DONE_COLUMNS, row, strict=True)
        )
        + "</tr>"
        for row in rows
    )
    caption = f"<caption>{count(len(rows), 'network')}</caption>"
    return f'<table class="bluetit-race">{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'
