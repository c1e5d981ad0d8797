"""The models of a comparison side by side in figures; the best of each column is marked."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import pandas as pd
import streamlit as st

from core.evaluation.guessing import Standing
from pages.compare.entrants import Entrant, judged_alike
from pages.compare.speed import Speeds
from pages.words.wording import range_text, share_text, size_text, time_text
from pages.words.worth import SHORT

_BEST, _UNKNOWN = "★", "–"
# Half transparent: the same on the light and on the dark background.
_BEST_STYLE = "background-color: rgba(95, 141, 63, 0.22); font-weight: 650"
_NAME = "Model"
_ROW_PX, _HEADER_PX = 36, 38

_RIGHT_HELP = "Accuracy: the share of right answers to the photos that tell most, test or else validation."
_PLAUSIBLY_HELP = "How often it is right on photos like these (95 % Wilson interval). Sorts by the lower end."
_WORTH_HELP = "Whether it is right more often than whoever always answers with the most frequent class."
_F1_HELP = "Mean F1 of the classes, which counts both kinds of mistakes; a rare class counts as much as a frequent one."
_CALIBRATION_HELP = "Expected calibration error: by how many points its certainty differs from how often it is right."
_TRAINING_HELP = "From the start of the run to the finished model; less where features were in the cache already."
_TRAINED_HELP = "Learned numbers that the run changed."
_SIZE_HELP = "Of the file that answers (LiteRT)."
_SPEED_HELP = "From the pixels of one photo to the answer (latency)."
_PHOTOS_HELP = "The photos behind the first four figures."


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One figure of every model."""

    title: str
    help: str
    values: Sequence[float | None]  # one for each model; None: not known
    texts: Sequence[str]  # as people read them
    best: Callable[[Iterable[float]], float] | None = None  # max or min; None: neither is better

    def is_best(self, row: int) -> bool:
        """Whether this model has the best value of all, ties included; with a single value there is no best."""
        known = {value: text for value, text in zip(self.values, self.texts, strict=True) if value is not None}
        # What reads the same is the same, whatever the digits say that nobody sees.
        return self.best is not None and len(set(known.values())) > 1 and self.texts[row] == known[self.best(known)]


def columns_of(entrants: Sequence[Entrant], speeds: Speeds) -> list[Column]:
    """Every figure that is compared."""
    return [*_columns_of_answers(entrants), *_columns_of_costs(entrants, speeds), _column_of_photos(entrants)]


def _columns_of_answers(entrants: Sequence[Entrant]) -> list[Column]:
    # Shares of different photos cannot be ranked.
    # Nor does one win whose figures are chance, which are well calibrated now and then.
    is_ranked = judged_alike(entrants) and not all(entrant.is_chance for entrant in entrants)
    most = max if is_ranked else None
    least = min if is_ranked and not any(entrant.is_chance for entrant in entrants) else None
    scores = [entrant.score for entrant in entrants]
    metrics = [entrant.metrics for entrant in entrants]
    accuracies = [None if score is None else score.accuracy for score in scores]
    plausible = [_UNKNOWN if score is None else range_text(score.low, score.high) for score in scores]
    lows = [None if score is None else score.low for score in scores]
    f1 = [None if each is None else each.macro_f1 for each in metrics]
    errors = [None if each is None else 100 * each.calibration_error for each in metrics]
    return [
        _column("Right", _RIGHT_HELP, accuracies, share_text, most),
        Column(title="Plausibly", help=_PLAUSIBLY_HELP, values=lows, texts=plausible),
        _column_of_worth(entrants),
        _column("Macro F1", _F1_HELP, f1, lambda value: f"{value:.3f}", most),
        _column("Calibration error", _CALIBRATION_HELP, errors, lambda value: f"{value:.1f}", least),
    ]


def _column_of_worth(entrants: Sequence[Entrant]) -> Column:
    order = list(Standing)
    standings = [None if each.weighed is None else each.weighed.worth.standing for each in entrants]
    values = [None if standing is None else float(order.index(standing)) for standing in standings]
    texts = [_UNKNOWN if standing is None else SHORT[standing] for standing in standings]
    return Column(title="Beside guessing", help=_WORTH_HELP, values=values, texts=texts)


def _columns_of_costs(entrants: Sequence[Entrant], speeds: Speeds) -> list[Column]:
    outcomes = [entrant.outcome for entrant in entrants]
    seconds = [None if each is None else each.seconds.get("total") for each in outcomes]
    trained = [None if each is None else float(each.num_trained_parameters) for each in outcomes]
    sizes = [None if each.model_bytes is None else float(each.model_bytes) for each in entrants]
    times = [speeds.milliseconds.get(each.key) for each in entrants]
    return [
        _column("Training", _TRAINING_HELP, seconds, time_text, min),
        _column("Trained parameters", _TRAINED_HELP, trained, lambda value: f"{value:,.0f}", None),
        _column("Size", _SIZE_HELP, sizes, size_text, min),
        _column(speeds.title, _SPEED_HELP, times, lambda value: f"{value:.1f} ms", min),
    ]


def _column_of_photos(entrants: Sequence[Entrant]) -> Column:
    numbers = [None if each.metrics is None else float(each.metrics.num_photos) for each in entrants]
    texts = [entrant.photos_text or _UNKNOWN for entrant in entrants]
    return Column(title="Judged by", help=_PHOTOS_HELP, values=numbers, texts=texts)


def _column(
    title: str,
    explanation: str,
    values: Sequence[float | None],
    write: Callable[[float], str],
    best: Callable[[Iterable[float]], float] | None,
) -> Column:
    texts = [_UNKNOWN if value is None else write(value) for value in values]
    return Column(title=title, help=explanation, values=values, texts=texts, best=best)


def render_table(entrants: Sequence[Entrant], speeds: Speeds) -> None:
    """A table that sorts by a click on a title."""
    columns = columns_of(entrants, speeds)
    frame = pd.DataFrame({column.title: pd.Series(column.values, dtype="float64") for column in columns})
    frame.insert(0, _NAME, [entrant.title for entrant in entrants])
    marks = pd.DataFrame("", index=frame.index, columns=frame.columns)
    writers = {}
    for column in columns:
        is_best = [column.is_best(row) for row in range(len(entrants))]
        marks[column.title] = [_BEST_STYLE if best else "" for best in is_best]
        texts = [f"{text} {_BEST}" if best else text for text, best in zip(column.texts, is_best, strict=True)]
        writers[column.title] = dict(zip(column.values, texts, strict=True)).get  # equal values have equal texts
    styler = frame.style.format(writers, na_rep=_UNKNOWN).apply(lambda _frame: marks, axis=None)
    st.dataframe(
        styler,
        hide_index=True,
        height=_HEADER_PX + _ROW_PX * len(entrants),
        row_height=_ROW_PX,
        column_config={
            _NAME: st.column_config.TextColumn(pinned=True),
            **{column.title: st.column_config.NumberColumn(help=column.help) for column in columns},
        },
        placeholder=_UNKNOWN,
        key="compare.table",
    )
