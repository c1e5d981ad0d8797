"""The batches of all visitors of a server."""

import os

from core.inference.batch_records import PhotoOrigin
from core.inference.batch_registry import BatchRegistry
from core.photos.samples import SAMPLE_PHOTOS, sample_path
from core.settings import Settings

CAT = sample_path(SAMPLE_PHOTOS[0]).read_bytes()
COFFEE = sample_path(SAMPLE_PHOTOS[1]).read_bytes()


def test_a_batch_is_found_again_by_its_id(settings: Settings):
    """A reload brings the photos back; an id that nobody gave out begins anew."""
    registry = BatchRegistry(settings)
    batch = registry.open(None, owner="anna")
    assert registry.open(batch.batch_id, owner="anna") is batch
    assert registry.open(batch.batch_id, owner="bert") is not batch
    assert registry.open("made-up", owner="anna") is not batch
    assert registry.open("../../etc", owner="anna").batch_id != "../../etc"


def test_the_longest_unused_batch_gives_way(settings: Settings):
    """Visitors that never come back do not fill the disk."""
    registry = BatchRegistry(settings)
    first = registry.open(None, owner="anna")
    first.add_file("cat.png", CAT, PhotoOrigin.FILE)
    for _ in range(64):
        registry.open(None, owner="anna")
    assert registry.open(first.batch_id, owner="anna") is not first
    assert list((settings.cache_path / "classify").glob(f"*/{first.batch_id}")) == []


def test_leftovers_of_an_ended_server_are_removed(settings: Settings):
    """Photos of a server that was killed go at a later start; those of a running or just ended one stay."""
    killed, just_ended, running = "999999998-ab", "999999999", f"{os.getppid()}-cd"
    for name in (killed, just_ended, running):
        folder = settings.cache_path / "classify" / name
        folder.mkdir(parents=True)
        if name != just_ended:
            os.utime(folder, (0, 0))
    BatchRegistry(settings)
    left = {folder.name for folder in (settings.cache_path / "classify").iterdir()}
    assert left == {just_ended, running}


def test_closing_deletes_the_photos_of_all_visitors(settings: Settings):
    """When the server stops, nobody can reach the photos any more, so none are kept."""
    registry = BatchRegistry(settings)
    for _ in range(2):
        registry.open(None, owner="anna").add_file("cat.png", CAT, PhotoOrigin.FILE)
    registry.close()
    assert list((settings.cache_path / "classify").iterdir()) == []


def test_a_server_with_the_same_number_keeps_its_photos(settings: Settings):
    """In two containers that share a cache, one server stops and leaves the other's visitors alone."""
    stopping, staying = BatchRegistry(settings), BatchRegistry(settings)
    for registry in (stopping, staying):
        registry.open(None, owner="anna").add_file("cat.png", CAT, PhotoOrigin.FILE)
    stopping.close()
    assert len(list((settings.cache_path / "classify").glob("*/*/*"))) == 1
