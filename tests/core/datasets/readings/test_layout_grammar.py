"""Layouts made at random from a grammar of what data sets look like: every photo ends in its class, or in the report.

`BLUETIT_TEST_LAYOUTS` sets how many are tried; a nightly run takes 10,000.
"""

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from core.datasets.incoming_paths import is_junk
from core.datasets.pile import PILE_NAME
from core.datasets.readings.plan import ImportPlan, apply_answer, plan_import
from core.datasets.readings.split_names import role_of
from core.datasets.records import Split

NUM_LAYOUTS = int(os.environ.get("BLUETIT_TEST_LAYOUTS", "300"))

CLASS_NAMES = (
    *(
        "cat",
        "dog",
        "blue tit",
        "crow",
        "St. Bernard",
        "A",
        "B-",
        "1",
        "-1",
        "n01443537",
        "Tomato___healthy",
        "猫",
        "Öl",
    ),
    *(
        ".22 LR",
        "A: good",
        "not-a-bird",
        "Class 3",
        "bullet_train",
        "test tube",
        "golden_retriever",
        "rock & roll",
        "7",
    ),
)
WRAPPERS = ("data", "archive", "birds-2024", "my photos", "Pet Images", "dataset", "v1.2", "output")
SPLIT_SPELLINGS = (
    {Split.TRAIN: "train", Split.TEST: "test"},
    {Split.TRAIN: "Training", Split.VALIDATION: "Validation", Split.TEST: "Testing"},
    {Split.TRAIN: "seg_train", Split.TEST: "seg_test"},
    {Split.TRAIN: "train_images", Split.VALIDATION: "val_images"},
    {Split.TRAIN: "flowers_train", Split.VALIDATION: "flowers_valid", Split.TEST: "flowers_test"},
    {Split.TRAIN: "Trainingsdaten", Split.TEST: "Testdaten"},
    {Split.TRAIN: "entrenamiento", Split.TEST: "prueba"},
)
JUNK = ("__MACOSX/cat/._1.jpg", "Thumbs.db", ".DS_Store", "@eaDir/1.jpg/SYNOPHOTO_THUMB.jpg", "$RECYCLE.BIN/x.jpg")
UNSORTED = ("unlabeled", "To sort", "zu sortieren", "seg_pred", "Unsorted/of May", "unlabelled/cat")
BESIDE = ("README.md", "LICENSE.txt", "notes.pdf", "checksums.json")


@dataclass
class Layout:
    """Paths with what each must become."""

    placed: dict[str, tuple[str, Split | None]] = field(default_factory=dict)  # path to class and split
    others: set[str] = field(default_factory=set)  # no photos

    @property
    def paths(self) -> list[str]:
        return [*self.placed, *self.others]


def make_layout(rng: random.Random) -> Layout:
    """One folder per class, somewhere, with whatever data sets put around it."""
    layout = Layout()
    names = rng.sample(CLASS_NAMES, rng.randint(2, 6))
    splits: dict[Split | None, str] = {None: ""}
    if rng.random() < 0.5:
        splits = dict(rng.choice(SPLIT_SPELLINGS))
    is_split_inside = rng.random() < 0.2 and all(role_of(spelling) for spelling in splits.values() if spelling)
    below = rng.choice(["", "", "", "images", "JPEGImages", "full"])
    top = "/".join(rng.sample(WRAPPERS, rng.choice([0, 0, 1, 2])))
    doubled = rng.random() < 0.2
    for split, spelling in splits.items():
        inner = spelling if doubled and spelling and role_of(spelling) else ""
        for name in names:
            folders = [name, spelling] if is_split_inside else [spelling, inner, name]
            folder = "/".join(part for part in (top, *folders, below) if part)
            for number in range(rng.randint(2, 4)):
                layout.placed[f"{folder}/{file_name(rng, number)}"] = (name, split)
    if Split.TEST in splits and not is_split_inside and rng.random() < 0.3:
        unsorted = "/".join(part for part in (top, rng.choice(UNSORTED)) if part)
        layout.placed |= {f"{unsorted}/{number}.jpg": (PILE_NAME, None) for number in range(3)}
    for path in rng.sample(JUNK + BESIDE, rng.randint(0, 4)):
        layout.others.add("/".join(part for part in (top, path) if part))
    return layout


def file_name(rng: random.Random, number: int) -> str:
    stem = rng.choice([f"IMG_{number:04}", f"{number}", f"{rng.getrandbits(32):08x}_{number}", f"photo ({number})"])
    return stem + rng.choice([".jpg", ".JPG", ".png", ".jpeg", ""])


def layouts() -> Iterator[tuple[int, Layout]]:
    for seed in range(NUM_LAYOUTS):
        yield seed, make_layout(random.Random(seed))


def check_every_photo_is_accounted_for(plan: ImportPlan, paths: list[str], seed: int) -> None:
    beside = {file.path for file in plan.beside}
    for reading in plan.readings:
        placed, left_out = set(reading.placements), set(reading.left_out)
        assert not placed & left_out, seed
        accounted = placed | left_out | set(plan.refused) | beside
        missing = [path for path in paths if path not in accounted and not is_junk(path)]
        assert missing == [], (seed, reading.key)


def test_a_folder_per_class_is_understood_wherever_it_lies():
    """The proposed reading gives every photo its class and split, and no class is a split, a wrapper or an archive."""
    for seed, layout in layouts():
        plan = plan_import(layout.paths, "archive.zip")
        reading = apply_answer(plan, None)
        found = {path: (placed.class_name, placed.split) for path, placed in reading.placements.items()}
        assert found == layout.placed, seed
        assert not reading.left_out, seed
        check_every_photo_is_accounted_for(plan, layout.paths, seed)


def test_folders_at_random_lose_no_photo():
    """Whatever the tree: each photo is in exactly one class or in the report, in every reading, in any order."""
    words = (
        *CLASS_NAMES[:6],
        *WRAPPERS[:4],
        "train",
        "test1",
        "val",
        "images",
        "unlabeled",
        "Train",
        "seg_test",
        "a",
        "A",
    )
    for seed in range(NUM_LAYOUTS):
        rng = random.Random(-1 - seed)
        paths = list(
            dict.fromkeys(
                "/".join([*(rng.choice(words) for _ in range(rng.randint(0, 4))), file_name(rng, rng.randint(0, 9))])
                for _ in range(rng.randint(1, 40))
            )
        )
        plan = plan_import(paths, "archive.zip")
        check_every_photo_is_accounted_for(plan, paths, seed)
        again = plan_import(paths[::-1], "archive.zip")
        assert [each.placements for each in again.readings] == [each.placements for each in plan.readings], seed
        if plan.question is not None:
            assert apply_answer(plan, plan.question.suggested_answer).placements, seed


@pytest.mark.parametrize("copies", [1, 2])
def test_a_data_set_that_contains_itself_has_its_classes_once(copies: int):
    """The folder inside itself is no class, whatever is above and how often it comes."""
    paths = [
        f"set/{'cells/' * depth}{name}/{n}.png" for depth in range(1, copies + 2) for name in "ab" for n in range(4)
    ]
    reading = apply_answer(plan_import(paths, "cells.zip"), None)
    assert {placed.class_name for placed in reading.placements.values()} == {"a", "b"}
    assert len(reading.placements) == len(paths)
