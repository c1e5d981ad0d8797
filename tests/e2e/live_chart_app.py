"""A page with nothing but the live chart, which gets an epoch more at every tick; served like the real app."""

import math

import streamlit as st

from pages.server.photo_routes import PHOTO_ROUTES
from pages.widgets.live_chart import Curves, EpochPoint, live_chart

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


def growing_chart() -> None:
    """One tick."""
    num_epochs = st.session_state.get("num_epochs", int(st.query_params.get("start", 0)))
    live_chart(curves_after(num_epochs), key="live")
    if "still" not in st.query_params:
        # Never at rest, for whoever comes late: at the end the last epoch goes and comes.
        st.session_state["num_epochs"] = num_epochs + 1 if num_epochs < NUM_EPOCHS else NUM_EPOCHS - 1


if __name__ == "__main__":
    st.set_page_config(page_title="Live chart", layout="wide")
    st.fragment(growing_chart, run_every=None if "still" in st.query_params else TICK_SECONDS)()
else:
    app = st.App(__file__, routes=PHOTO_ROUTES)
