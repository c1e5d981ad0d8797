"""What happens to a photo, in three steps."""

import re
from typing import Any

from core.inference.classifier import Classifier
from core.inference.judging import describe_decision
from core.photos.fit import FitMode
from pages.classify.network_choice import Anatomy

_FITTED = {
    FitMode.CROP: "The largest square in the middle of the photo{border} is scaled to",
    FitMode.LETTERBOX: "The whole photo is scaled, with grey bars where it is no square, to",
    FitMode.SQUASH: "The whole photo is squeezed, whatever its shape, to",
}
_TOKEN = re.compile(r"\\.|\*\*|.", re.DOTALL)  # a letter behind a backslash is that of somebody's name
_UNSEEN = {FitMode.CROP: " What lies outside is never seen."}


def describe_hood(anatomy: Anatomy, classifier: Classifier) -> dict[str, Any]:
    """The three steps, for the browser, which puts the numbers of the last photo beneath each.

    Returns:
        `steps`, each with `title` and `text`, and a `comparison`, which may be empty; a text is a list of pieces, each
        with whether it is emphasised.
    """
    head = (
        f"{anatomy.head} that add up to 100 %. The head must always share out the 100 %, even when it knows "
        f"none of it.{_describe_decision(classifier)} {anatomy.head_origin}"
    )
    steps = {
        "1 · The photo becomes a square": _describe_square(classifier),
        "2 · The backbone looks for patterns": _describe_features(anatomy, classifier),
        "3 · The head weighs them": head,
    }
    return {
        "steps": [{"title": title, "text": split_emphasis(text)} for title, text in steps.items()],
        "comparison": anatomy.comparison,
    }


def split_emphasis(markdown: str) -> list[tuple[str, bool]]:
    """Markdown that has bold letters and nothing else, as pieces of plain text, each with whether it is bold."""
    pieces = [("", False)]
    for token in _TOKEN.findall(markdown):
        text, is_bold = pieces[-1]
        if token == "**":
            pieces.append(("", not is_bold))
        else:
            pieces[-1] = (text + token[-1], is_bold)
    return [piece for piece in pieces if piece[0]]


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
    if channels == 0:
        return f"{anatomy.backbone} works on them, layer after layer. What it finds on the way is not shown."
    if rows * columns == 1:
        return f"{anatomy.backbone} turns them into **{channels:,} numbers that say what is there** (the features)."
    return (
        f"{anatomy.backbone} turns them into **{channels:,} patterns at {rows} × {columns} places** (the feature map), "
        f"and {anatomy.pooling}."
    )
