"""The answers as a table to take away."""

import csv
import io
from collections.abc import Sequence

from core.inference.batch_records import Answer
from core.inference.classifier import Classification


def to_csv(answers: Sequence[Answer], network_title: str) -> str:
    """A row per photo: name, network, the likeliest classes with probabilities 0-1, times in ms, error.

    ImageNet's classes come with their WordNet ids and the likeliest group. Where the model says that it does not know,
    `not_known_because` has its reason, and the classes are what it would have guessed.
    """
    found = [answer.classification for answer in answers if answer.classification]
    num_ranks = max((len(each.predictions) for each in found), default=0)
    with_groups = any(each.group is not None for each in found)  # as only the classes of ImageNet have
    header = ["file", "network"]
    for rank in range(1, num_ranks + 1):
        header += [f"class_{rank}", *([f"wnid_{rank}"] if with_groups else []), f"probability_{rank}"]
    header += [
        *(["group", "group_probability"] if with_groups else []),
        "decode_ms",
        "network_ms",
        "not_known_because",
        "error",
    ]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(header)
    for answer in answers:
        cells = [answer.photo.name, network_title]
        if answer.classification is None:
            cells += [""] * (len(header) - len(cells) - 1) + [answer.photo.error or "not classified"]
        else:
            cells += [*_csv_cells(answer.classification), ""]
        writer.writerow([_without_formula(cell) for cell in cells])
    return text.getvalue()


def _csv_cells(found: Classification) -> list[str]:
    cells = []
    for prediction in found.predictions:
        wnid = [] if prediction.wnid is None else [prediction.wnid]
        cells += [prediction.label, *wnid, f"{prediction.probability:.6f}"]
    if found.group is not None:
        cells += [found.group, f"{found.group_probability:.6f}"]
    return [*cells, f"{found.decode_milliseconds:.1f}", f"{found.network_milliseconds:.1f}", found.refusal or ""]


def _without_formula(cell: str) -> str:
    """A text, such as a file's name, that a spreadsheet would run as a formula is marked as text."""
    return f"'{cell}" if cell.startswith(("=", "+", "-", "@", "\t", "\r")) else cell
