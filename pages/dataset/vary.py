"""Augmentation at a glance: sixteen variations of one photo, drawn by the function that training uses."""

import streamlit as st

from core.config import AugmentConfig
from core.datasets.records import DatasetView
from core.photos.augment import views
from core.photos.decode import decode_image
from core.photos.fit import thumbnail_jpeg
from core.services import Services
from pages.dataset.no_photos import render_no_photos
from pages.words.wording import plain

_NUM_VIEWS = 16
_SIDE_PX = 224
_SHOWN_PX = 104  # four beside each other on most screens


def render_vary(dataset: DatasetView, services: Services) -> None:
    """Sliders for each kind of change, and what they do to a chosen photo."""
    st.markdown(
        "From few photos a network learns more when each comes a little different every time (**augmentation**). "
        "Choose changes after which you would still recognise the thing: this shows what they do. Your photos stay as "
        "they are."
    )
    images = services.library.images.of(dataset.id, limit=200)
    if not images:
        render_no_photos(dataset, services)
        return
    sliders, preview = st.columns([2, 3], gap="large")
    with sliders:
        # Numbered, because Streamlit tells entries apart by what they are called, and many photos are "1.jpg".
        entries = {f"{number}. {image.name}": image for number, image in enumerate(images, start=1)}
        image = entries[st.selectbox("Photo", list(entries), key="dataset.vary.photo", persist_state="session")]
        config = _render_sliders()
    photo = services.library.photos.get([image.photo_hash])[image.photo_hash]
    original = decode_image(services.photo_store.read(photo.hash, photo.suffix), image.name)
    original.thumbnail((_SIDE_PX, _SIDE_PX))
    with preview, st.container(horizontal=True, gap="xsmall", key="dataset-vary-views"):
        for number, view in enumerate(views(original, config, photo_hash=photo.hash, num_views=_NUM_VIEWS)):
            title = "as it is" if number == 0 else f"variation {number}"
            st.image(thumbnail_jpeg(view, _SIDE_PX), width=_SHOWN_PX, alt=f"{plain(image.name)}, {title}")


def _render_sliders() -> AugmentConfig:
    is_flipped = st.toggle("Mirror left and right", value=True, key="dataset.vary.flip", persist_state="session")
    degrees = _slider("Turn", 180, 18, "Either way.", unit="°")
    return AugmentConfig(
        flip=is_flipped,
        rotation=degrees / 360,
        zoom=_slider("Zoom", 50, 10, "Nearer or farther.") / 100,
        shift=_slider("Shift", 50, 5, "In any direction, of the width and the height.") / 100,
        brightness=_slider("Brightness", 90, 10, "Brighter or darker.") / 100,
        contrast=_slider("Contrast", 90, 10, "Stronger or weaker.") / 100,
        colour=_slider("Colour", 90, 10, "More or less vivid.") / 100,
    )


def _slider(label: str, maximum: int, value: int, explanation: str, *, unit: str = " %") -> int:
    key = f"dataset.vary.{label.lower()}"
    text = f"up to %d{unit}".replace("%", "%%").replace("%%d", "%d")
    return st.slider(label, 0, maximum, value, key=key, help=explanation, format=text, persist_state="session")
