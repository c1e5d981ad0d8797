"""The batches of all visitors of a server."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import StorageError
from core.inference.batch_notes import batch_owner, hash_owner
from core.inference.batch_records import PhotoOrigin
from core.inference.batch_registry import BatchRegistry
from core.inference.classifier import Classifier
from core.photos.samples import SAMPLE_PHOTOS, sample_path
from core.settings import Settings
from tests.core.inference.running_registry import running_registry
from tests.waiting import wait_until

CAT = sample_path(SAMPLE_PHOTOS[0]).read_bytes()
HOUR = 3_600.0


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def registry(settings: Settings, clock: Clock) -> Iterator[BatchRegistry]:
    with running_registry(settings, clock) as running:
        yield running


@pytest.fixture
def classify_dir(settings: Settings) -> Path:
    return settings.cache_path / "classify"


def files_in(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_batch_is_found_again_by_its_id(registry: BatchRegistry):
    """A reload brings the photos back; an id that nobody gave out begins anew."""
    batch = registry.open(None, owner="anna")
    assert registry.open(batch.batch_id, owner="anna") is batch
    assert registry.open(batch.batch_id, owner="bert") is not batch
    assert registry.open("made-up", owner="anna") is not batch
    assert registry.open("../../etc", owner="anna").batch_id != "../../etc"
    assert registry.find(batch.batch_id, owner="anna") is batch
    assert registry.find(batch.batch_id, owner="bert") is None
    assert registry.find("made-up", owner="anna") is None


def test_who_is_gone_for_too_long_loses_the_photos(registry: BatchRegistry, clock: Clock, classify_dir: Path):
    """An hour without page and without requests; whoever looked in meanwhile keeps them, and who watches is told."""
    gone, there = registry.open(None, owner="anna"), registry.open(None, owner="bert")
    told = []
    for batch in (gone, there):
        batch.add_file("cat.png", CAT, PhotoOrigin.FILE)
    clock.seconds = HOUR / 2
    assert registry.find(there.batch_id, owner="bert") is there
    clock.seconds = HOUR
    with gone.bell.listening(lambda: told.append(True)):
        registry.sweep()
    assert registry.find(gone.batch_id, owner="anna") is None
    assert registry.find(there.batch_id, owner="bert") is there
    assert told
    assert len(files_in(classify_dir)) == registry.room.num_photos == 1
    assert registry.room.num_bytes == len(CAT)


def test_whoever_was_let_out_loses_the_photos_at_once(registry: BatchRegistry, classify_dir: Path):
    """All pages of that visitor, with their files, and nobody else's."""
    batches = [registry.open(None, owner=batch_owner(1, secret)) for secret in ("anna", "anna", "bert")]
    for batch in batches:
        batch.add_file("cat.png", CAT, PhotoOrigin.FILE)
    registry.give_up_of({hash_owner("anna")})
    assert [batch.is_empty for batch in batches] == [True, True, False]
    assert len(files_in(classify_dir)) == 1


def test_a_page_that_stayed_open_takes_photos_again(registry: BatchRegistry, clock: Clock):
    """Its visitor was gone, comes back, and drops a photo in before the page has run: it is not lost."""
    batch = registry.open(None, owner="anna")
    clock.seconds = 2 * HOUR
    registry.sweep()
    assert registry.num_batches == 0
    batch.add_file("cat.png", CAT, PhotoOrigin.FILE)
    assert registry.open(batch.batch_id, owner="anna") is batch
    registry.sweep()
    assert len(batch.view("").answers) == 1


def test_opening_pages_again_and_again_hits_nobody_who_has_photos(
    registry: BatchRegistry, clock: Clock, classify_dir: Path
):
    """A thousand empty pages give way to each other; then those with photos whose visitors are gone for longest."""
    first = registry.open(None, owner="anna")
    first.add_file("cat.png", CAT, PhotoOrigin.FILE)
    for number in range(1_100):
        clock.seconds = float(number)
        registry.open(None, owner="crowd")
    assert registry.num_batches == 1_000
    assert registry.find(first.batch_id, owner="anna") is first
    assert len(files_in(classify_dir)) == 1


def test_bytes_of_one_visitor_are_limited(settings: Settings):
    """What does not fit is not listed, with what to do; what others have does not count, and what goes makes room."""
    with running_registry(replace(settings, max_visitor_photo_bytes=2 * len(CAT))) as registry:
        batch, other = registry.open(None, owner="anna"), registry.open(None, owner="bert")
        intakes = [batch.add_file(f"{number}.png", CAT, PhotoOrigin.FILE) for number in range(3)]
        assert [intake.num_taken for intake in intakes] == [1, 1, 0]
        assert intakes[2].no_room == ("2.png",)
        assert "Clear the page, or remove photos" in intakes[2].no_room_because
        assert other.add_file("cat.png", CAT, PhotoOrigin.FILE).num_taken == 1
        batch.remove(batch.view("").answers[0].photo.photo_id)
        assert batch.add_file("again.png", CAT, PhotoOrigin.FILE).num_taken == 1


@pytest.mark.parametrize(
    ("limits", "sentence"),
    [
        ({"max_all_photos": 3}, "All visitors together have 3 photos"),
        ({"max_all_photo_bytes": 3 * len(CAT)}, "The photos of all visitors have"),
    ],
    ids=["photos", "bytes"],
)
def test_photos_and_bytes_of_all_visitors_are_limited(settings: Settings, limits: dict[str, int], sentence: str):
    """However many visitors come, memory and disk hold; nobody who is there loses a photo."""
    with running_registry(replace(settings, **limits)) as registry:
        batches = [registry.open(None, owner=f"visitor {number}") for number in range(5)]
        intakes = [batch.add_file("cat.png", CAT, PhotoOrigin.FILE) for batch in batches]
        assert [intake.num_taken for intake in intakes] == [1, 1, 1, 0, 0]
        assert intakes[3].no_room_because.startswith(sentence)
        assert "come back later" in intakes[3].no_room_because
        batches[0].clear()
        assert batches[4].add_file("cat.png", CAT, PhotoOrigin.FILE).num_taken == 1


def test_a_page_that_was_left_gives_way_to_the_same_visitor(settings: Settings, clock: Clock):
    """Whoever opens the page anew and brings the same photos again is not told that it is full."""
    with running_registry(replace(settings, max_photos_per_batch=2), clock) as registry:
        left = registry.open(None, owner="anna")
        for name in ("a.png", "b.png"):
            left.add_file(name, CAT, PhotoOrigin.FILE)
        anew = registry.open(None, owner="anna")
        assert anew.add_file("a.png", CAT, PhotoOrigin.FILE).no_room == ("a.png",)
        clock.seconds = 700.0
        assert anew.add_file("a.png", CAT, PhotoOrigin.FILE).num_taken == 1
        assert left.view("").answers == ()


def test_two_hundred_visitors_come_and_go(prepared_settings: Settings, classifier: Classifier):
    """With photos, removals, refusals and answers under way; when they are gone, so is everything."""
    clock = Clock()
    with running_registry(replace(prepared_settings, max_all_photos=150), clock) as registry:

        def visit(number: int) -> None:
            batch = registry.open(None, owner=f"visitor {number % 70}")
            for name, data in (("cat.png", CAT), ("none.png", b"no photo"), ("empty.png", b"")):
                batch.add_file(name, data, PhotoOrigin.FILE)
            batch.start(classifier)
            if number % 3 == 0:
                batch.remove(1, 2, 77)
            if number % 5 == 0:
                batch.clear()
            if number % 7 == 0:
                clock.seconds += 600.0
                registry.sweep()

        with ThreadPoolExecutor(8) as visitors:
            list(visitors.map(visit, range(200)))
        clock.seconds += 2 * HOUR
        registry.sweep()
        wait_until(lambda: not registry._host.pool.num_waiting)
        wait_until(lambda: not files_in(prepared_settings.cache_path / "classify"))
        assert (registry.num_batches, registry.room.num_photos, registry.room.num_bytes) == (0, 0, 0)
        assert not registry._last_seen
        folders = list((prepared_settings.cache_path / "classify").glob("*"))
        assert folders == []


def test_photos_that_nobody_knows_are_removed(settings: Settings, classify_dir: Path):
    """Of a server that was killed before it wrote them down: after a day, for another may not reach the database."""
    for name, is_old in (("old", True), ("young", False)):
        (classify_dir / name).mkdir(parents=True)
        if is_old:
            os.utime(classify_dir / name, (0, 0))
    with running_registry(settings) as registry:
        batch = registry.open(None, owner="anna")
        batch.add_file("cat.png", CAT, PhotoOrigin.FILE)
        os.utime(classify_dir / batch.batch_id, (0, 0))
        registry.sweep()
        left = {folder.name for folder in classify_dir.iterdir()}
    assert left == {batch.batch_id, "young"}


def test_the_end_of_a_lesson_deletes_the_photos_of_all(settings: Settings, classify_dir: Path):
    """When the laptop of a class stops, nobody comes back, so none are kept and none taken in."""
    with running_registry(settings, keeps_photos=False) as registry:
        batches = [registry.open(None, owner="anna") for _ in range(2)]
        for batch in batches:
            batch.add_file("cat.png", CAT, PhotoOrigin.FILE)
    assert list(classify_dir.iterdir()) == []
    with pytest.raises(StorageError, match="being stopped"):
        batches[0].add_file("cat.png", CAT, PhotoOrigin.FILE)
    with pytest.raises(StorageError, match="being stopped"):
        registry.open(None, owner="anna")
    with running_registry(settings) as anew:
        assert anew.find(batches[0].batch_id, owner="anna") is None
