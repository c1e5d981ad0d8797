"""What can be downloaded: tables as CSV, which spreadsheets open without running anything in them."""

import csv
import io
import math
from collections.abc import Callable, Iterable, Sequence

import numpy as np
import numpy.typing as npt
import streamlit as st

from core.datasets.exporting import safe_file_name
from core.evaluation.answers import RunAnswers
from core.evaluation.metrics import ClassScores
from pages.results.dataset_now import DatasetNow
from pages.results.material import Judged, judge, splits_to_look_at

_DECIMALS = 4
# What makes a spreadsheet take a cell for a formula.
_FORMULA_LETTERS = ("=", "+", "-", "@", "\t", "\r")

Cell = str | int | float | bool | None


def to_csv(columns: Sequence[str], rows: Iterable[Sequence[Cell]]) -> bytes:
    """A table in UTF-8; numbers that are none are left empty, and no cell is taken for a formula."""
    target = io.StringIO()
    writer = csv.writer(target, lineterminator="\r\n")
    writer.writerow([_cell(column) for column in columns])
    for row in rows:
        writer.writerow([_cell(value) for value in row])
    # The mark in front tells Excel that it is UTF-8.
    return target.getvalue().encode("utf-8-sig")


def _cell(value: Cell) -> str:
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA_LETTERS) else value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.{_DECIMALS}f}" if math.isfinite(value) else ""
    return "" if value is None else str(value)


def render_csv(label: str, make: Callable[[], bytes], *, file_name: str, key: str) -> None:
    """A button that makes a table when it is pressed."""
    st.download_button(
        label,
        data=make,
        file_name=f"{safe_file_name(file_name)}.csv",
        mime="text/csv",
        icon=":material/download:",
        type="tertiary",
        on_click="ignore",
        key=key,
    )


def predictions_csv(answers: RunAnswers, temperature: float, now: DatasetNow | None) -> bytes:
    """What the model said to every photo of validation and test, one a row, with every probability."""
    names = answers.class_names
    columns = ["photo", "name", "split", "true class", "predicted class", "right", "calibrated probability"]
    columns += [f"probability of {name}" for name in names]
    rows = (
        row
        for split in splits_to_look_at(answers)
        for row in _prediction_rows(judge(answers.of(split), split, temperature=temperature), names, now)
    )
    return to_csv(columns, rows)


def mistakes_csv(judged: Judged, class_names: Sequence[str], now: DatasetNow | None) -> bytes:
    """The wrong answers of one split, the most confident first."""
    columns = ["photo", "name", "split", "true class", "predicted class", "right", "calibrated probability"]
    return to_csv(columns, _prediction_rows(judged, class_names, now, judged.mistakes, with_all=False))


def _prediction_rows(
    judged: Judged,
    class_names: Sequence[str],
    now: DatasetNow | None,
    places: npt.NDArray[np.int64] | None = None,
    *,
    with_all: bool = True,
) -> Iterable[Sequence[Cell]]:
    answers = judged.answers
    predicted, is_correct = answers.predicted, answers.is_correct
    for place in range(len(answers)) if places is None else places.tolist():
        photo_hash = answers.hashes[place]
        yield [
            photo_hash,
            "" if now is None else now.name(photo_hash),
            str(judged.split),
            class_names[answers.class_indices[place]],
            class_names[predicted[place]],
            bool(is_correct[place]),
            float(judged.confidences[place]),
            *(answers.probabilities[place].tolist() if with_all else ()),
        ]


def classes_csv(scores: ClassScores, class_names: Sequence[str]) -> bytes:
    """Precision, recall, F1 and support of each class, a row each."""
    columns = ["class", "precision", "recall", "f1", "support"]
    rows = zip(
        class_names,
        scores.precision.tolist(),
        scores.recall.tolist(),
        scores.f1.tolist(),
        map(int, scores.support),
        strict=True,
    )
    return to_csv(columns, rows)
