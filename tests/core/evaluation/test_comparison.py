"""Two models are judged only by photos that may judge both; counts are made by hand."""

import random
from collections.abc import Iterable, Mapping

import numpy as np
import pytest

from core.datasets.records import SnapshotImageView, SnapshotView, Split
from core.evaluation.answers import Answers, RunAnswers
from core.evaluation.comparison import Comparison, Contender, Exclusion, compare, never_seen

NAMES = ("crow", "tit")


def answers(
    said: Mapping[str, tuple[int, int]] | Iterable[tuple[str, tuple[int, int]]], num_classes: int = 2
) -> Answers:
    """By photo, its true class and the one that a model says, with 0.8."""
    rows = list(said.items()) if isinstance(said, Mapping) else list(said)
    probabilities = np.full((len(rows), num_classes), 0.2 / max(1, num_classes - 1), np.float32)
    for row, (_, (_, index)) in enumerate(rows):
        probabilities[row, index] = 0.8
    return Answers(
        hashes=tuple(photo for photo, _ in rows),
        class_indices=np.array([true for _, (true, _) in rows], np.int64),
        probabilities=probabilities,
    )


def contender(
    test: Mapping[str, tuple[int, int]],
    *,
    validation: Mapping[str, tuple[int, int]] | None = None,
    learned: Iterable[str] = (),
    names: tuple[str, ...] = NAMES,
) -> Contender:
    return Contender(
        class_names=names,
        unseen=answers(test, len(names)),
        validation=answers(validation or {}, len(names)),
        learned_from=frozenset(learned),
    )


def hashes(comparison: Comparison) -> set[str]:
    return {photo.photo_hash for photo in comparison.photos}


def test_counts_chance_and_difference():
    """9 photos that only B has right, 4 that only A has, 80 both, 7 neither: p by hand 0.267, difference 5 points."""
    kinds = {"both": (0, 0), "a": (0, 1), "b": (1, 0), "neither": (1, 1)}
    numbers = {"both": 80, "a": 4, "b": 9, "neither": 7}
    photos = [f"{kind}{number}" for kind, count in numbers.items() for number in range(count)]
    first, second = (
        contender({photo: (0, kinds[photo.rstrip("0123456789")][side]) for photo in photos}) for side in (0, 1)
    )
    comparison = compare(first, second)
    assert comparison.counts == (80, 4, 9, 7)
    # 2 (C(13,0) + ... + C(13,4)) / 2^13
    assert comparison.p_value == pytest.approx(2 * (1 + 13 + 78 + 286 + 715) / 8192)
    assert comparison.difference == pytest.approx(0.05)
    low, high = comparison.interval
    assert low < 0 < 0.05 < high
    assert compare(second, first).interval == pytest.approx((-high, -low))
    assert sum(photo.is_disputed for photo in comparison.photos) == 13


@pytest.mark.parametrize("learner", [0, 1])
def test_a_photo_that_one_learned_from_never_counts(learner: int):
    """Whether it is a test photo of the other or of both; it is counted as left out."""
    said = {"a": (0, 0), "b": (1, 1), "c": (1, 0)}
    sides = [contender(said, learned=["b"] if side == learner else []) for side in (0, 1)]
    comparison = compare(*sides)
    assert hashes(comparison) == {"a", "c"}
    assert comparison.excluded == {Exclusion.LEARNED: 1}


def test_every_photo_counts_once_or_is_left_out_for_one_reason():
    """Random splits of forty photos for two models: nothing is lost, nothing that either learned from counts."""
    for seed in range(20):
        chance = random.Random(seed)
        photos = [str(number) for number in range(40)]
        sides = []
        for _ in range(2):
            parts = {photo: chance.choice(["train", "validation", "test", "none"]) for photo in photos}
            said = {photo: (int(photo) % 2, chance.randrange(2)) for photo in photos}
            sides.append(
                contender(
                    {photo: said[photo] for photo in photos if parts[photo] == "test"},
                    validation={photo: said[photo] for photo in photos if parts[photo] == "validation"},
                    learned=[photo for photo in photos if parts[photo] == "train"],
                )
            )
        comparison = compare(*sides)
        assert not hashes(comparison) & (sides[0].learned_from | sides[1].learned_from)
        asked = {photo for side in sides for photo in side.unseen.hashes}
        if comparison.num_decided:
            asked |= {photo for side in sides for photo in side.validation.hashes}
        assert len(comparison.photos) + sum(comparison.excluded.values()) == len(asked)


def test_photos_that_chose_an_epoch_count_only_without_better_ones():
    """Test photos of both come first; without any the validation photos do, and it says how many they are."""
    validation = {"v": (0, 0), "w": (1, 1)}
    first = contender({"t": (0, 0)}, validation=validation)
    assert hashes(compare(first, contender({"t": (0, 1), "v": (0, 0)}, validation={}))) == {"t"}
    comparison = compare(first, contender({"v": (0, 1)}, validation={"w": (1, 0)}))
    assert hashes(comparison) == {"v", "w"}
    assert comparison.num_decided == 2
    assert comparison.excluded == {Exclusion.ONLY_FIRST: 1}
    decided = compare(first, contender({"t": (0, 0), "v": (0, 0)}))
    assert decided.excluded == {Exclusion.DECIDED: 1}


def test_classes_are_matched_by_name():
    """Another order, capitals and more classes do no harm; photos of a class that one does not know are left out."""
    first = contender({"a": (0, 0), "b": (1, 0)})
    second = contender({"a": (2, 2), "b": (0, 0), "c": (1, 1)}, names=("Tit", "owl", "CROW "))
    comparison = compare(first, second)
    assert comparison.counts == (1, 0, 1, 0)
    assert comparison.excluded == {Exclusion.CLASS_UNKNOWN: 1}
    assert (comparison.classes_of_first_only, comparison.classes_of_second_only) == ((), ("owl",))
    assert [photo.class_name for photo in comparison.photos] == ["crow", "tit"]
    assert [photo.is_disputed for photo in comparison.photos] == [False, True]


def test_photos_whose_class_is_in_doubt_are_left_out():
    """One that was relabelled between two runs, and one that is in two classes at once."""
    first = Contender(
        class_names=NAMES,
        unseen=answers([("a", (0, 0)), ("twice", (0, 0)), ("twice", (1, 0)), ("b", (1, 1))]),
        validation=answers({}),
        learned_from=frozenset(),
    )
    comparison = compare(first, contender({"a": (1, 1), "twice": (0, 0), "b": (1, 1)}))
    assert hashes(comparison) == {"b"}
    assert comparison.excluded == {Exclusion.DISPUTED: 2}


def test_a_model_beside_itself_and_models_without_common_photos():
    """No difference and no division by zero."""
    model = contender({"a": (0, 0), "b": (1, 0)})
    itself = compare(model, model)
    assert (itself.difference, itself.p_value, itself.counts) == (0.0, 1.0, (1, 0, 0, 1))
    apart = compare(model, contender({"c": (0, 0)}))
    assert (apart.photos, apart.difference, apart.p_value, apart.interval) == ((), 0.0, 1.0, None)
    assert apart.excluded == {Exclusion.ONLY_FIRST: 2, Exclusion.ONLY_SECOND: 1}


def test_what_a_model_may_still_be_asked_about():
    """Photos that judge the other, of classes it knows, that had no part in making it; its answers then count."""
    first = contender({"t": (0, 0)}, validation={"v": (0, 0)}, learned=["l"])
    second = contender(
        {photo: (index, index) for photo, index in (("t", 1), ("v", 1), ("l", 1), ("new", 1), ("owl", 2))},
        names=("tit", "crow", "owl"),
    )
    assert never_seen(first, second) == {"new": 0}
    assert never_seen(second, first) == {}
    asked = first.asked_later(answers({"new": (0, 1)}))
    assert hashes(compare(asked, second)) == {"t", "new"}
    assert never_seen(asked, second) == {}


def test_a_run_has_learned_from_its_train_photos_only():
    """Photos without a split took no part."""
    splits = {"a": Split.TRAIN, "b": Split.VALIDATION, "c": Split.TEST, "d": None}
    snapshot = SnapshotView(
        hash="0" * 64,
        dataset_id=None,
        dataset_name="Birds",
        class_names=NAMES,
        images=tuple(SnapshotImageView(photo_hash=key, class_index=0, split=split) for key, split in splits.items()),
        created_at=0.0,
    )
    said = RunAnswers(class_names=NAMES, validation=answers({"b": (0, 0)}), test=answers({"c": (0, 1)}))
    model = Contender.of_run(said, snapshot, temperature=2.0)
    assert model.learned_from == {"a"}
    assert model.judged.hashes == ("c",)
    # softmax(log(0.8, 0.2) / 2) = (2, 1) / 3
    (photo,) = compare(model, model).photos
    assert photo.first.probability == pytest.approx(2 / 3)
