"""What happens to a photo, in three steps, with the real numbers of the last one."""

import streamlit as st

from core.inference.batch_records import BatchView
from core.inference.classifier import Classifier
from core.inference.judging import describe_decision
from core.photos.fit import FitMode
from pages.classify.network_choice import Anatomy
from pages.words.wording import percent, plain

_FITTED = {
    FitMode.CROP: "The largest square in the middle of the photo{border} is scaled to",
    FitMode.LETTERBOX: "The whole photo is scaled, with grey bars where it is no square, to",
    FitMode.SQUASH: "The whole photo is squeezed, whatever its shape, to",
}
_UNSEEN = {FitMode.CROP: " What lies outside is never seen."}


def render_under_the_hood(anatomy: Anatomy, classifier: Classifier, view: BatchView) -> None:
    """A folded panel; the numbers are those of the last photo where there is one."""
    last = next((answer for answer in reversed(view.answers) if answer.classification), None)
    found, name = (last.classification, plain(last.photo.name)) if last else (None, "")
    with st.expander("Under the hood", icon=":material/build:"):
        one, two, three = st.columns(3)
        with one:
            st.markdown("##### 1 · The photo becomes a square")
            st.markdown(_describe_square(classifier))
            if found:
                st.caption(f"For {name}: {found.decode_milliseconds:.1f} ms")
        with two:
            st.markdown("##### 2 · The backbone looks for patterns")
            st.markdown(_describe_features(anatomy, classifier))
            if found:
                st.caption(f"For {name}: {found.network_milliseconds:.1f} ms, step 3 included")
        with three:
            st.markdown("##### 3 · The head weighs them")
            st.markdown(
                f"{anatomy.head} that add up to 100 %. The head must always share out the 100 %, even when it knows "
                f"none of it.{_describe_decision(classifier)} {anatomy.head_origin}"
            )
            if found:
                best = found.predictions[0]
                told = ", which does not count" if found.is_refused else ""
                st.caption(f"For {name}: {plain(best.label)} {percent(best.probability)}{told}")
        if anatomy.comparison:
            st.caption(anatomy.comparison)


def _describe_square(classifier: Classifier) -> str:
    height, width = classifier.record.image_size
    mode = FitMode(classifier.record.fit_mode)
    border = ", less a narrow border," if classifier.record.crop_fraction < 1 else ""
    fitted = _FITTED[mode].format(border=border)
    return (
        f"{fitted} {width} × {height} pixels of red, green and blue: **{width * height * 3:,} numbers** from 0 to 255."
        f"{_UNSEEN.get(mode, '')}"
    )


def _describe_decision(classifier: Classifier) -> str:
    """How a model knows its limits, where somebody has chosen them."""
    if classifier.judge is None:
        return ""
    decision = classifier.judge.rule.decision
    sentences = []
    if decision.temperature != 1:
        sentences.append(
            f"The scores are first divided by **{decision.temperature:.2f}**, the temperature at which it is as sure "
            "as it is right (calibration)."
        )
    sentences.append(describe_decision(decision))
    return "".join(f" {sentence}" for sentence in sentences if sentence)


def _describe_features(anatomy: Anatomy, classifier: Classifier) -> str:
    rows, columns, channels = classifier.engine.feature_map_shape
    if rows * columns == 1:
        return f"{anatomy.backbone} turns them into **{channels:,} numbers that say what is there** (the features)."
    return (
        f"{anatomy.backbone} turns them into **{channels:,} patterns at {rows} × {columns} places** (the feature map), "
        f"and {anatomy.pooling}."
    )
