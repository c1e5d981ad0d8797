"""Augmentation at a glance: sixteen variations of one photo, drawn by the function that training uses."""

import streamlit as st

from core.datasets.augment import AugmentConfig, views
from core.datasets.records import DatasetView
from core.images import decode_image, thumbnail_jpeg
from core.services import Services
from pages.widgets.wording import plain

_NUM_VIEWS = 16
_SIDE_PX = 224
_SHOWN_PX = 104  # four beside each other on most screens


def render_vary(dataset: DatasetView, services: Services) -> None:
    """Sliders for each kind of change, and what they do to a chosen photo."""
    st.markdown(
        "From few photos a network learns more when each comes a little different every time (**augmentation**). "
        "Choose changes after which you would still recognise the thing."
    )
    images = services.library.list_images(dataset.id, limit=200)
    if not images:
        st.info("No photos yet. Go to **Collect** and bring some in.", icon=":material/add_a_photo:")
        return
    sliders, preview = st.columns([2, 3], gap="large")
    with sliders:
        # Numbered, because Streamlit tells entries apart by what they are called, and many photos are "1.jpg".
        entries = {f"{number}. {image.name}": image for number, image in enumerate(images, start=1)}
        image = entries[st.selectbox("Photo", list(entries), key="dataset.vary.photo", persist_state="session")]
        config = _render_sliders()
    photo = services.library.get_photos([image.photo_hash])[image.photo_hash]
    original = decode_image(services.photo_store.read(photo.hash, photo.suffix), image.name)
    original.thumbnail((_SIDE_PX, _SIDE_PX))
    with preview, st.container(horizontal=True, gap="xsmall", key="dataset-vary-views"):
        for number, view in enumerate(views(original, config, photo_hash=photo.hash, num_views=_NUM_VIEWS)):
            title = "as it is" if number == 0 else f"variation {number}"
            st.image(thumbnail_jpeg(view, _SIDE_PX), width=_SHOWN_PX, alt=f"{plain(image.name)}, {title}")


def _render_sliders() -> AugmentConfig:
    is_flipped = st.toggle("Mirror left and right", value=True, key="dataset.vary.flip", persist_state="session")
    return AugmentConfig(
        flip=is_flipped,
        rotation=_slider("Turn", 0.5, 0.05, "Share of a full turn, either way."),
        zoom=_slider("Zoom", 0.5, 0.1, "Share nearer or farther."),
        shift=_slider("Shift", 0.5, 0.05, "Share of the width and the height."),
        brightness=_slider("Brightness", 0.9, 0.1, "Share brighter or darker."),
        contrast=_slider("Contrast", 0.9, 0.1, "Share more or less."),
        colour=_slider("Colour", 0.9, 0.1, "Share more or less vivid."),
    )


def _slider(label: str, maximum: float, value: float, explanation: str) -> float:
    key = f"dataset.vary.{label.lower()}"
    return st.slider(label, 0.0, maximum, value, 0.01, key=key, help=explanation, persist_state="session")
