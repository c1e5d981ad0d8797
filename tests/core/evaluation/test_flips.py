"""Which answers flipped between two runs is told on the photos that both were asked about, by the later labels."""

import numpy as np

from core.evaluation.answers import Answers, RunAnswers
from core.evaluation.flips import Flip, Flips, find_flips

Table = dict[str, tuple[str, str]]  # photo hash to (true class, class that the model says)


def answers(class_names: tuple[str, ...], table: Table) -> Answers:
    indices = np.array([[class_names.index(name) for name in names] for names in table.values()], np.int64)
    true, said = indices.reshape(-1, 2).T
    probabilities = np.eye(len(class_names), dtype=np.float32)[said]
    return Answers(hashes=tuple(table), class_indices=true, probabilities=probabilities)


def run(*class_names: str, test: Table, validation: Table | None = None) -> RunAnswers:
    return RunAnswers(
        class_names=class_names,
        validation=answers(class_names, validation or {}),
        test=answers(class_names, test),
    )


def test_what_flipped() -> None:
    """Fixed, broken, changed its mind; photos with the same answer and those that one run never saw count nowhere."""
    before = run(
        "crow",
        "owl",
        "tit",
        test={
            "a": ("crow", "tit"),
            "b": ("crow", "crow"),
            "c": ("crow", "owl"),
            "d": ("crow", "crow"),
            "e": ("crow", "tit"),
            "gone": ("crow", "crow"),
        },
    )
    after = run(
        "crow",
        "owl",
        "tit",
        test={
            "new": ("tit", "crow"),
            "e": ("crow", "tit"),
            "d": ("crow", "crow"),
            "c": ("crow", "tit"),
            "b": ("crow", "tit"),
            "a": ("crow", "crow"),
        },
    )
    assert find_flips(before, after) == Flips(
        fixed=(Flip(photo_hash="a", class_name="crow", before="tit", after="crow"),),
        broken=(Flip(photo_hash="b", class_name="crow", before="crow", after="tit"),),
        changed_mind=(Flip(photo_hash="c", class_name="crow", before="owl", after="tit"),),
        num_common=5,
        num_right_before=2,
        num_right_after=2,
    )
    assert find_flips(before, before).num_common == 6


def test_the_later_labels_count() -> None:
    """What the first run was blamed for is right once the label is corrected, and no flip when it stays its answer."""
    before = run("crow", "tit", test={"a": ("crow", "tit"), "b": ("crow", "crow")})
    after = run("crow", "tit", test={"a": ("tit", "tit"), "b": ("tit", "tit")})
    found = find_flips(before, after)
    assert (found.num_right_before, found.num_right_after, found.broken) == (1, 2, ())
    assert [flip.photo_hash for flip in found.fixed] == ["b"]


def test_classes_that_came_went_and_were_renamed() -> None:
    """Names count, indices do not: a renamed class is the same one, and who said a class that is gone was wrong."""
    before = run(
        "crow",
        "owl",
        "tit",
        test={"a": ("crow", "crow"), "b": ("crow", "owl"), "c": ("tit", "tit"), "d": ("tit", "crow")},
    )
    after = run(
        "finch",
        "raven",
        "tit",
        test={"a": ("raven", "raven"), "b": ("raven", "raven"), "c": ("finch", "finch"), "d": ("tit", "raven")},
    )
    found = find_flips(before, after)
    assert found.fixed == (
        Flip(photo_hash="b", class_name="raven", before="owl", after="raven"),
        Flip(photo_hash="c", class_name="finch", before="tit", after="finch"),
    )
    assert (found.broken, found.changed_mind) == ((), ())
    assert (found.num_right_before, found.num_right_after) == (1, 3)


def test_which_photos_count() -> None:
    """Those that the later run is judged by, if the earlier one was asked about them in either split."""
    before = run("crow", "tit", validation={"v": ("crow", "tit")}, test={"t": ("tit", "tit")})
    both = run("crow", "tit", validation={"t": ("tit", "crow")}, test={"v": ("crow", "crow"), "x": ("tit", "tit")})
    found = find_flips(before, both)
    assert (found.num_common, [flip.photo_hash for flip in found.fixed]) == (1, ["v"])
    validated = run("crow", "tit", validation={"v": ("crow", "tit")}, test={})
    assert find_flips(before, validated).num_common == 1
    assert find_flips(before, run("crow", "tit", test={})).num_common == 0
