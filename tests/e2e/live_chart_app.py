"""A page with nothing but a bar and the live chart, of a training that only pretends; served like the real app."""

import math
import time
from typing import Any

import streamlit as st
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response

from pages.server.json_routes import Rate, json_answer, json_route
from pages.server.photo_routes import PHOTO_ROUTES, routes_prefix
from pages.server.visitor import VisitorCookie
from pages.server.watching import WatchDesk
from pages.widgets.live_chart import live_chart
from pages.widgets.run_progress import run_progress
from pages.words.curves import Curves, EpochPoint, chart_columns, chart_summary
from pages.words.telling import with_tag

NUM_EPOCHS = 40
FINE_TUNING_FROM = 20
BATCHES_PER_EPOCH = 50
NAN_EPOCH = 3  # whose loss is not a number
TICK_SECONDS = 0.3


def curves_after(num_epochs: int) -> Curves:
    """Curves of a training that learns, the same at every call."""
    epochs = tuple(_epoch(number) for number in range(1, num_epochs + 1))
    batches = tuple(_batch(number) for number in range(num_epochs * BATCHES_PER_EPOCH))
    best = max(epochs, key=lambda point: point.validation_accuracy or 0, default=None)
    return Curves(
        epochs=epochs,
        batches=batches,
        num_epochs_planned=NUM_EPOCHS,
        fine_tuning_from=FINE_TUNING_FROM,
        best_epoch=best.epoch if best else None,
    )


def _epoch(number: int) -> EpochPoint:
    bump = 0.05 * (1 - math.exp(-max(0, number - FINE_TUNING_FROM) / 3))
    return EpochPoint(
        epoch=number,
        loss=math.nan if number == NAN_EPOCH else _loss(number),
        accuracy=0.94 - 0.4 * math.exp(-number / 2) + bump,
        validation_loss=_loss(number) * 1.15 + 0.04 + 0.02 * math.sin(number * 1.9),
        validation_accuracy=0.91 - 0.3 * math.exp(-number / 2) + bump + 0.008 * math.sin(number * 2.3),
        learning_rate=1e-3 if number <= FINE_TUNING_FROM else 1e-5,
    )


def _batch(number: int) -> tuple[float, float]:
    x = (number + 1) / BATCHES_PER_EPOCH
    noise = 0.5 * math.sin(number * 12.9898) + 0.5 * math.sin(number * 78.233)
    return x, _loss(x) * (1 + 0.35 * noise)


def _loss(x: float) -> float:
    return 0.12 + 0.85 * math.exp(-x / 2.5) - 0.06 * (1 - math.exp(-max(0.0, x - FINE_TUNING_FROM) / 4))


def told_after(num_epochs: int, *, state: str = "running") -> dict[str, Any]:
    """What a route tells of the training."""
    curves = curves_after(num_epochs)
    is_active = state == "running"
    return {
        "state": state,
        "chart": chart_columns(curves),
        "summary": chart_summary(curves),
        "fraction": num_epochs / NUM_EPOCHS if is_active else 0.0,
        "text": f"{num_epochs} epochs" if is_active else "",
    }


def grown(start: int) -> dict[str, Any]:
    """The training as it is now, an epoch more at every tick since somebody asked first."""
    if start in _ended:
        return told_after(NUM_EPOCHS, state="done")
    began = _began.setdefault(start, time.monotonic())
    num_ticks = int((time.monotonic() - began) / TICK_SECONDS)
    # Never at rest, for whoever comes late: at the end the last epoch goes and comes.
    over = max(0, start + num_ticks - NUM_EPOCHS)
    return told_after(min(start + num_ticks, NUM_EPOCHS) - over % 2)


_began: dict[int, float] = {}  # when each training was asked for first, by the epochs that it began with
_ended: set[int] = set()
_desk = WatchDesk()


async def _send(request: Request, visitor: str) -> Response:
    start = request.path_params["start"]
    return await _desk.answer(request, visitor, (start,), lambda: grown(start), every_seconds=TICK_SECONDS / 2)


async def _end(request: Request, _: str) -> Response:
    _ended.add(request.path_params["start"])
    return json_answer({})


def render() -> None:
    """The page as Python makes it, for the second time when the training has ended; `?start=` epochs were done."""
    start, is_still = int(st.query_params.get("start", 0)), "still" in st.query_params
    st.session_state["made"] = st.session_state.get("made", 0) + 1
    st.caption(f"Made {st.session_state['made']} times")
    url = f"{routes_prefix()}/growing/{start}"
    is_over = st.session_state["made"] > 1
    told = with_tag(told_after(NUM_EPOCHS, state="done") if is_over else told_after(start))
    if not is_still:
        run_progress(told, url=url, key="progress")
    live_chart(told, url=None if is_still or is_over else url, key="live")


if __name__ == "__main__":
    st.set_page_config(page_title="Live chart", layout="wide")
    render()
else:
    often = Rate(per_second=20, burst=40)
    growing = [
        json_route("/growing/{start:int}", _send, rate=often),
        json_route("/growing/{start:int}/end", _end, rate=often, method="POST"),
    ]
    app = st.App(__file__, routes=[*PHOTO_ROUTES, *growing], middleware=[Middleware(VisitorCookie)])
