"""A handful of validation photos with what the model says to them, epoch by epoch."""

import html
from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from core.datasets.snapshots import load_snapshot
from core.errors import UnknownDatasetError
from core.runs.records import RunView
from core.services import Services
from pages.server.photo_routes import routes_prefix
from pages.widgets.remembered import remembered
from pages.widgets.run_history import RunHistory
from pages.words.wording import percent, quoted, verdict

_CLASSES = "train.classes"
_SIDE_PX = 128

_CARD = """<figure class="bluetit-said bluetit-said-{state}">
<img src="{source}" alt="" width="{side}" height="{side}" decoding="sync">
<figcaption><span class="bluetit-verdict">{verdict}</span><br>{said}<br><small>{truth}</small></figcaption></figure>"""


def class_names_of(view: RunView, services: Services) -> tuple[str, ...]:
    """The classes of a run, in the order of its model's outputs; none when its snapshot is gone."""

    def find() -> tuple[str, ...]:
        try:
            return load_snapshot(services.database, view.snapshot_hash).class_names
        except UnknownDatasetError:
            return ()

    return remembered(_CLASSES, view.snapshot_hash, find)


def render_photos(view: RunView, history: RunHistory, services: Services) -> None:
    """The photos of the latest epoch that told of them; nothing where none did."""
    told = history.photos
    if told is None or not told.photos:
        return
    names = class_names_of(view, services)
    st.markdown(f"**What it says to some validation photos** after epoch {told.epoch}")
    st.html(f'<div class="bluetit-said-all">{photo_cards(told.photos, names)}</div>')


def photo_cards(photos: Sequence[Mapping[str, Any]], class_names: Sequence[str]) -> str:
    """The photos as HTML; names of classes are shown letter by letter."""
    return "".join(_card(photo, class_names) for photo in photos)


def _card(photo: Mapping[str, Any], class_names: Sequence[str]) -> str:
    probabilities = list(photo["probabilities"])
    true_index = int(photo["class_index"])
    said_index = max(range(len(probabilities)), key=lambda index: probabilities[index] or 0.0)
    is_right = said_index == true_index
    said = f"{_name(class_names, said_index)} {percent(probabilities[said_index] or 0.0)}"
    truth = f"It is {_name(class_names, true_index)}"
    if not is_right:
        truth += f", {percent(probabilities[true_index] or 0.0)}"
    photo_hash = "".join(letter for letter in str(photo["hash"]) if letter in "0123456789abcdef")
    return _CARD.format(
        state="right" if is_right else "wrong",
        source=html.escape(f"{routes_prefix()}/photos/{photo_hash}/{_SIDE_PX}.jpg"),
        side=_SIDE_PX,
        verdict=verdict(is_right=is_right),
        said=html.escape(said),
        truth=html.escape(truth),
    )


def _name(class_names: Sequence[str], index: int) -> str:
    return quoted(class_names[index]) if index < len(class_names) else f"class {index + 1}"
