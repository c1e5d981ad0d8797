"""A closer look at models of real aliens and predators: planted label errors and a planted corner are found."""

import io
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from core.datasets.records import Split
from core.evaluation.examination import Examination, read_examination
from core.evaluation.examining import run_examine_task
from core.runs.folder import RunFolder
from core.settings import Settings
from tests.conftest import link_backbones
from tests.core.evaluation.finished_runs import Labelled, begun_examination, finished_run

CLASSES = ("alien", "predator")
NUM_TRAIN, NUM_JUDGED = 200, 16  # of each class: a share of what there is, for the time that it takes
NUM_MARKED = 60
CORNER = (0.25, (255, 0, 255))  # side as a share of the shorter one, RGB


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, prepared_cache: Path) -> Settings:
    """A workspace of the module's own: features of photos that are in two runs are computed once."""
    made = Settings(workspace_dir=tmp_path_factory.mktemp("examining"))
    link_backbones(prepared_cache, made)
    return made


def photos_of(shared_dir: Path, class_name: str, split: Split, count: int) -> list[bytes]:
    folder = shared_dir / "data" / "alien_vs_predator" / split / class_name
    return [path.read_bytes() for path in sorted(folder.iterdir())[:count]]


def marked(data: bytes) -> bytes:
    """The same photo, cut to its middle, with a coloured corner."""
    image = Image.open(io.BytesIO(data)).convert("RGB")
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    square = image.crop((left, top, left + side, top + side))
    share, colour = CORNER
    ImageDraw.Draw(square).rectangle((0, 0, share * side, share * side), fill=colour)
    target = io.BytesIO()
    square.save(target, "JPEG", quality=90)
    return target.getvalue()


def labelled(photos: Iterable[bytes], class_name: str, split: Split) -> list[Labelled]:
    return [Labelled(data=data, class_name=class_name, split=split) for data in photos]


def examined(settings: Settings, run_id: int) -> Examination:
    with begun_examination(settings, run_id) as context:
        run_examine_task(context)
    found = read_examination(RunFolder(settings, run_id))
    assert found is not None
    return found


@pytest.fixture(scope="module")
def mislabelled(settings: Settings, shared_dir: Path) -> tuple[Examination, set[str]]:
    """What is found out about a model that learned from photos of which every twentieth is in the wrong class."""
    photos = [
        photo
        for split, count in ((Split.TRAIN, NUM_TRAIN), (Split.VALIDATION, NUM_JUDGED))
        for name in CLASSES
        for photo in labelled(photos_of(shared_dir, name, split, count), name, split)
    ]
    num_wrong = 2 * NUM_TRAIN // 20
    wrong = np.random.default_rng(7).choice(2 * NUM_TRAIN, num_wrong, replace=False)
    for place in wrong:
        other = CLASSES[1 - CLASSES.index(photos[place].class_name)]
        photos[place] = Labelled(data=photos[place].data, class_name=other, split=Split.TRAIN)
    run_id, hashes = finished_run(settings, "Mislabelled", photos)
    return examined(settings, run_id), {hashes[int(place)] for place in wrong}


def test_planted_label_errors_lead_the_ranking(mislabelled: tuple[Examination, set[str]]):
    """Of 5 % wrong labels, at least 80 % are in the first tenth of the ranking, with the true class suggested."""
    found, wrong = mislabelled
    first_tenth = {suspect.photo_hash for suspect in found.suspects[: 2 * NUM_TRAIN // 10]}
    assert len(first_tenth & wrong) >= 0.8 * len(wrong)
    flagged = {suspect.photo_hash for suspect in found.suspects if suspect.is_flagged}
    assert len(flagged & wrong) >= len(flagged) / 2 > 0


def test_plain_photos_are_not_accused(mislabelled: tuple[Examination, set[str]]):
    """Aliens and predators are recognised by themselves; the curve ends near what heads on these features reach."""
    found, _ = mislabelled
    assert [shortcut.class_index for shortcut in found.shortcuts] == [0, 1]
    assert not any(shortcut.is_suspected for shortcut in found.shortcuts)
    assert found.learning_curve[-1].mean > 0.8


def test_a_coloured_corner_is_caught(settings: Settings, shared_dir: Path, mislabelled: tuple[Examination, set[str]]):
    """A class whose photos all have the corner is suspected, with its place; the other is not."""
    photos = []
    for split, count in ((Split.TRAIN, NUM_MARKED), (Split.VALIDATION, NUM_JUDGED)):
        aliens, predators = (photos_of(shared_dir, name, split, count) for name in CLASSES)
        photos += labelled(map(marked, aliens), "alien", split) + labelled(predators, "predator", split)
    alien, predator = examined(settings, finished_run(settings, "Marked", photos)[0]).shortcuts
    assert (alien.is_suspected, alien.has_same_look) == (True, True)
    assert alien.place == pytest.approx((0.125, 0.125), abs=0.1)
    assert not predator.is_suspected
