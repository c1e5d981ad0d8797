"""The report of an import, as a page and a spreadsheet show it."""

import csv
import io

from core.datasets.records import ImportState, ImportView
from pages.dataset.import_report import group_by_reason, report_csv

FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "＝1")


def view(*refused: tuple[str, str]) -> ImportView:
    return ImportView(
        id=1,
        dataset_id=1,
        request={},
        task_id=None,
        state=ImportState.DONE,
        question=None,
        num_accepted=0,
        num_refused=len(refused),
        refused=refused,
        created_at=0.0,
        finished_at=1.0,
    )


def test_files_with_one_problem_are_one_line():
    """A reason that begins with the name of its file is the same for all files; the commonest comes first."""
    refused = [(f"cat/{n}.pcx", f"'{n}.pcx' is a PCX picture.") for n in range(3)] + [("a.jpg", "It is empty.")]
    assert group_by_reason(refused[::-1]) == [
        ("It is a PCX picture.", ["cat/2.pcx", "cat/1.pcx", "cat/0.pcx"]),
        ("It is empty.", ["a.jpg"]),
    ]


def test_a_spreadsheet_runs_nothing_of_the_table():
    """Names come from strangers: whatever a spreadsheet takes for a formula is shown as it is."""
    content = report_csv(view(*((name, "It is empty.") for name in FORMULAS))).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(content)))
    assert rows == [["file", "reason"], *([f"'{name}", "It is empty."] for name in FORMULAS)]
