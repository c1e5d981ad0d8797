"""How photos are made ready for a model from elsewhere: which scaling is right is seen in what the model says."""

import streamlit as st

from core.foreign.engine import ForeignEngine
from core.foreign.records import ForeignModelView
from core.foreign.scaling import Scaling, scale
from core.photos.fit import FitMode, thumbnail_jpeg, to_array
from core.photos.samples import SAMPLE_PHOTOS, sample_path
from core.services import Services
from pages.widgets.errors import guarded, showing_errors
from pages.widgets.visitor_photos import open_batch
from pages.words.foreign_told import FIT_WORDS, SCALING_WORDS
from pages.words.wording import percent, plain

_ORDINARY = (Scaling.BYTES, Scaling.UNIT, Scaling.SIGNED)
_NUM_SHOWN = 2  # classes
_PHOTO_PX = 96


def render_scaling(model: ForeignModelView, services: Services) -> None:
    """What the model says to one photo under each scaling; one of them can be chosen."""
    key = f"foreign.scaling.{model.id}"
    st.session_state.setdefault(key, not model.record.guess.is_certain)
    panel = st.expander("Does it see photos as it should?", icon=":material/tune:", key=key, on_change="rerun")
    if not panel.open:
        return
    with panel, showing_errors():
        st.caption(
            "Networks expect the values of pixels in one range (the preprocessing); in a "
            "wrong one they answer nonsense, often "
            "with confidence. Take the one whose answers fit the photo."
        )
        _render_answers(model, services)
        _render_fit(model, services)


def _render_answers(model: ForeignModelView, services: Services) -> None:
    data, name = _example(model, services)
    classifier = services.classifiers.get_foreign(model)
    square = classifier.square(data, name)
    pixels = to_array(square)
    row = st.container(horizontal=True, vertical_alignment="center", gap="small")
    row.image(thumbnail_jpeg(square, 2 * _PHOTO_PX), width=_PHOTO_PX, alt=f"Example: {name}")
    row.caption(f"Example: {plain(name)}. The model says:", width="stretch")
    if not isinstance(classifier.engine, ForeignEngine):
        raise ValueError(f"{model.name} is no model from elsewhere.")
    shown = dict.fromkeys((*_ORDINARY, model.record.guess.scaling, model.record.scaling))
    for scaling, column in zip(shown, st.columns(len(shown), gap="small"), strict=True):
        with column, st.container(border=True, height="stretch", gap="xsmall"):
            said = classifier.engine.network.ask(pixels, scaling)
            values = scale(pixels, scaling)
            st.markdown(f"**{SCALING_WORDS[scaling]}**")
            for prediction in classifier.classes.top(said, _NUM_SHOWN):
                st.markdown(f"{plain(prediction.label)} {percent(prediction.probability)}")
            st.caption(f"pixels {_number(values.min())} … {_number(values.max())}")
            _render_choice(model, scaling, services)
    others = [each for each in Scaling if each not in shown]
    if others:
        with st.popover("Other ways", icon=":material/more_horiz:"):
            for scaling in others:
                _render_choice(model, scaling, services, label=SCALING_WORDS[scaling])


def _render_choice(model: ForeignModelView, scaling: Scaling, services: Services, *, label: str = "Use this") -> None:
    if scaling is model.record.scaling:
        st.markdown(":green[:material/check: in use]")
        return
    st.button(
        label,
        key=f"foreign.scaling.{model.id}.{scaling}",
        on_click=guarded(services.foreign.set_scaling),
        args=(model.id, scaling),
        width="stretch",
    )


def _render_fit(model: ForeignModelView, services: Services) -> None:
    key = f"foreign.fit.{model.id}"
    st.session_state[key] = FitMode(model.record.fit_mode)
    st.selectbox(
        "What it sees of a photo",
        list(FIT_WORDS),
        key=key,
        format_func=FIT_WORDS.__getitem__,
        on_change=guarded(_set_fit),
        args=(model.id, key, services),
        help="Teachable Machine cuts the middle out; Keras and most notebooks squeeze.",
    )


def _set_fit(model_id: int, key: str, services: Services) -> None:
    services.foreign.set_fit_mode(model_id, FitMode(st.session_state[key]))


def _example(model: ForeignModelView, services: Services) -> tuple[bytes, str]:
    """The visitor's newest photo, or a sample where there is none: its bytes and its name."""
    batch = open_batch(services)
    fingerprint = services.classifiers.get_foreign(model).fingerprint
    for answer in reversed(batch.view(fingerprint).answers):
        if answer.has_picture:
            return batch.read(answer.photo.photo_id), answer.photo.name
    sample = SAMPLE_PHOTOS[0]
    return sample_path(sample).read_bytes(), sample.title


def _number(value: float) -> str:
    return f"{value:.0f}" if abs(value) >= 10 or value == 0 else f"{value:.2f}".replace("-", "−")
