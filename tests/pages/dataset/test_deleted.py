"""The question before a dataset goes for good says what goes and what stays."""

from dataclasses import replace

import pytest

from core.datasets.purging import PurgeOutlook
from pages.dataset.deleted import purge_words

ALL_GO = PurgeOutlook(
    num_photos=12,
    num_kept_for_runs=0,
    kept_by_class=(),
    run_names=(),
    num_kept_elsewhere=0,
    dataset_names=(),
)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ["Its 12 photos will be deleted."]),
        ({"num_photos": 0}, ["It has no photos."]),
        (
            {"num_kept_for_runs": 3, "kept_by_class": (("a_b", 2), ("crow", 1)), "run_names": ("one", "two")},
            [
                "9 of its 12 photos will be deleted.",
                "3 photos will stay for the results of “one” and “two”: 2 of “a\\_b”, 1 of “crow”.",
            ],
        ),
        (
            {
                "num_kept_for_runs": 10,
                "kept_by_class": tuple((f"c{number}", 2) for number in range(5)),
                "run_names": tuple(f"r{number}" for number in range(5)),
            },
            ["“r0”, “r1”, “r2” and 2 more runs: 2 of “c0”, 2 of “c1”, 2 of “c2”, 4 of 2 other classes."],
        ),
        (
            {"num_kept_elsewhere": 12, "dataset_names": ("Birds",)},
            ["None of its 12 photos will be deleted.", "12 photos will stay in “Birds”."],
        ),
    ],
    ids=["all go", "none there", "runs", "many runs", "another dataset"],
)
def test_the_question_counts_what_goes_and_names_what_keeps_the_rest(changes: dict, words: list[str]):
    """Every photo is accounted for, and what could not be undone is said to be so."""
    text = purge_words("Birds *one*", replace(ALL_GO, **changes))
    assert text.startswith("**Delete “Birds \\*one\\*” for good?** ")
    assert "This cannot be undone." in text
    for sentence in words:
        assert sentence in text
