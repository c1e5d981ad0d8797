"""Batches of the classify page outlive the server that has them in memory, and go from one to another."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import select, update

from core.inference.batch_notes import batch_owner, hash_owner, secret_of
from core.inference.batch_records import GivenPhoto, PhotoOrigin
from core.inference.batch_registry import BatchRegistry
from core.inference.class_table import Prediction
from core.inference.classifier import Classification
from core.inference.photo_batch import PhotoBatch
from core.photos.samples import SAMPLE_PHOTOS, sample_path
from core.settings import Settings
from core.storage.db import Database, open_database
from core.storage.schema import ClassifyAnswer, ClassifyBatch, ClassifyPhoto
from tests.core.inference.running_registry import running_registry
from tests.core.inference.test_batch_registry import Clock, files_in
from tests.waiting import wait_until

pytestmark = pytest.mark.both_databases

CAT = sample_path(SAMPLE_PHOTOS[0]).read_bytes()
ANNA, BERT = batch_owner(1, "a" * 43), batch_owner(1, "b" * 43)
NETWORKS = [letter * 16 for letter in "abcdef"]


@pytest.fixture
def first(settings: Settings) -> Iterator[BatchRegistry]:
    with running_registry(settings) as running:
        yield running


@pytest.fixture
def second(settings: Settings, clock: Clock) -> Iterator[BatchRegistry]:
    with running_registry(settings, clock) as running:
        yield running


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    database = open_database(settings)
    yield database
    database.close()


def fill(registry: BatchRegistry, *, num_photos: int = 3, owner: str = ANNA) -> PhotoBatch:
    """A batch of three photos, two of them answered by a network, and a link, all written down."""
    batch = registry.open(None, owner=owner)
    batch.add([GivenPhoto(name=f"{number}.png", origin=PhotoOrigin.FILE, data=CAT) for number in range(num_photos)])
    batch.add_link("https://example.org/crow.jpg")
    answer(batch, NETWORKS[0], 1, 2)
    registry._writer.flush()
    return batch


def answer(batch: PhotoBatch, network: str, *photo_ids: int, label: str = "tit") -> None:
    """As if a network had said something to photos."""
    with batch._lock:
        batch._contents.use(network)
        for photo_id in photo_ids:
            batch._contents.keep_answer(photo_id, network, said(label))


def said(label: str, probability: float = 0.75) -> Classification:
    return Classification(
        predictions=(Prediction(index=3, label=label, probability=probability, wnid="n01592084"),),
        group="bird",
        group_probability=0.9,
        decode_milliseconds=3.5,
        network_milliseconds=5.25,
        has_rule=True,
        refusal="too doubtful",
        remarks=("12 bits",),
    )


def rows(database: Database, table: type) -> int:
    with database.read_session() as session:
        return len(session.scalars(select(table)).all())


def test_another_server_goes_on(first: BatchRegistry, second: BatchRegistry) -> None:
    """Photos, answers, links and refusals are there; a browser that knows the first server's version is told all."""
    batch = fill(first)
    batch.add([GivenPhoto(name="lost.png", origin=PhotoOrigin.FILE, refusal="It did not arrive.")])
    first._writer.flush()
    taken = second.find(batch.batch_id, owner=ANNA)
    assert taken is not None
    assert taken.view(NETWORKS[0]) == batch.view(NETWORKS[0])
    assert taken.read(2) == CAT
    since = batch.version
    told = taken.changes(NETWORKS[0], since)
    assert (len(told.answers), told.photo_ids) == (5, (1, 2, 3, 4, 5))
    assert taken.add_file("more.png", CAT, PhotoOrigin.FILE).num_taken == 1
    assert taken.view("").answers[-1].photo.photo_id > 1_000  # no number is given twice
    assert second.room.num_photos == 6
    assert second.open(batch.batch_id, owner=ANNA) is taken


def test_nobody_else_finds_it(first: BatchRegistry, second: BatchRegistry) -> None:
    """The id stands in addresses; the secret of the browser does not, and neither is in the database."""
    batch = fill(first)
    assert second.find(batch.batch_id, owner=BERT) is None
    assert second.find(batch.batch_id, owner=batch_owner(2, secret_of(ANNA))) is None
    assert second.find("x" * 22, owner=ANNA) is None
    assert not batch.is_lost


def test_the_first_server_lets_go(first: BatchRegistry, second: BatchRegistry, settings: Settings) -> None:
    """It stops answering, leaves the files, and whoever watches there is told; a page of it that is still open takes
    photos again, to which the second server's have been added."""
    batch = fill(first)
    taken = second.open(batch.batch_id, owner=ANNA)
    taken.add_file("second.png", CAT, PhotoOrigin.FILE)
    second._writer.flush()
    wait_until(lambda: batch.is_lost)
    assert (batch.view("").answers, first.num_batches, first.room.num_photos) == ((), 0, 0)
    assert len(files_in(settings.cache_path / "classify")) == 4
    batch.add_file("first.png", CAT, PhotoOrigin.FILE)
    names = [each.photo.name for each in batch.view("").answers]
    assert names == ["0.png", "1.png", "2.png", "crow.jpg", "second.png", "first.png"]
    assert batch.view(NETWORKS[0]).answers[0].classification == said("tit")
    assert first.open(batch.batch_id, owner=ANNA) is batch
    wait_until(lambda: taken.is_lost)


def test_what_is_taken_out_is_forgotten(first: BatchRegistry, database: Database) -> None:
    """Photos with their answers; of an emptied batch nothing is kept; networks that are not asked any more go."""
    batch = fill(first)
    batch.remove(1)
    for network in NETWORKS:
        answer(batch, network, 2, label=network)
    answer(batch, NETWORKS[5], 2, label="again")
    first._writer.flush()
    with database.read_session() as session:
        kept = {each.fingerprint: each.content for each in session.scalars(select(ClassifyAnswer))}
    assert set(kept) == set(NETWORKS[2:])
    assert Classification.from_json(kept[NETWORKS[5]]) == said("again")
    assert rows(database, ClassifyPhoto) == 3
    batch.clear()
    first._writer.flush()
    assert [rows(database, table) for table in (ClassifyBatch, ClassifyPhoto, ClassifyAnswer)] == [0, 0, 0]


def test_a_restart_finds_everything(settings: Settings) -> None:
    """Whether the server was stopped or killed."""
    with running_registry(settings) as registry:
        batch = fill(registry, num_photos=1_200)
    with running_registry(settings) as anew:
        found = anew.find(batch.batch_id, owner=ANNA)
        assert found is not None
        assert len(found.view("").answers) == 1_201
        assert anew.room.num_bytes == 1_200 * len(CAT)


def test_a_photo_whose_file_is_gone_says_so(first: BatchRegistry, second: BatchRegistry, settings: Settings) -> None:
    """On a host with another disk; the other photos are answered."""
    batch = fill(first)
    photo = batch.find(2)
    assert photo is not None
    assert photo.photo.path is not None
    photo.photo.path.unlink()
    taken = second.open(batch.batch_id, owner=ANNA)
    errors = [each.photo.error for each in taken.view("").answers]
    assert errors == [None, "The server that had 1.png is gone, and its file with it. Add the photo again.", None, None]


def test_numbers_that_are_none_do_not_stop_the_rest(first: BatchRegistry, database: Database) -> None:
    """A network that has come apart answers with no number, which JSON does not have."""
    batch = fill(first)
    with batch._lock:
        batch._contents.keep_answer(3, NETWORKS[0], said("none", float("nan")))
    answer(batch, NETWORKS[1], 3)
    first._writer.flush()
    assert rows(database, ClassifyAnswer) == 3


def test_whoever_is_gone_loses_the_photos_of_a_dead_server(
    first: BatchRegistry, second: BatchRegistry, clock: Clock, database: Database, settings: Settings
) -> None:
    """After the time of the settings; a clock that jumps by an hour takes nothing from those who are there."""
    batch = fill(first)
    with database.session() as session:
        session.execute(update(ClassifyBatch).values(seen_at=ClassifyBatch.seen_at - 4_000))
    second.sweep()
    first.sweep()  # whose visitor is there, as it notes again
    clock.seconds = 200.0
    second.sweep()
    assert rows(database, ClassifyBatch) == 1
    with database.session() as session:
        session.execute(update(ClassifyBatch).values(seen_at=ClassifyBatch.seen_at + 100_000))
    second.sweep()
    clock.seconds = 400.0
    second.sweep()
    assert [rows(database, table) for table in (ClassifyBatch, ClassifyPhoto, ClassifyAnswer)] == [0, 0, 0]
    assert files_in(settings.cache_path / "classify") == []
    wait_until(lambda: batch.is_lost)


def test_photos_of_all_servers_are_limited(settings: Settings, first: BatchRegistry) -> None:
    """What another server has, or has left, counts; pages that the visitor left give way."""
    batch = fill(first)
    with running_registry(replace(settings, max_photos_per_batch=5)) as registry:
        registry.sweep()
        anew = registry.open(None, owner=ANNA)
        given = [GivenPhoto(name=name, origin=PhotoOrigin.FILE, data=CAT) for name in ("a.png", "b.png")]
        assert anew.add(given).no_room == ("b.png",)
        assert registry.open(None, owner=BERT).add(given).num_taken == 2
        with first._shelf._database.session() as session:
            its = ClassifyBatch.id == batch.batch_id
            session.execute(update(ClassifyBatch).where(its).values(seen_at=ClassifyBatch.seen_at - 700))
        assert anew.add(given).num_taken == 2
    wait_until(lambda: batch.is_lost)


def test_whoever_is_let_out_loses_them_at_every_server(
    first: BatchRegistry, second: BatchRegistry, settings: Settings
) -> None:
    """The server that is told deletes rows and files; the one that has them in memory forgets them."""
    batch, other = fill(first), fill(first, owner=BERT)
    second.give_up_of({hash_owner(secret_of(ANNA))})
    wait_until(lambda: batch.is_lost)
    assert len(files_in(settings.cache_path / "classify")) == 3
    assert not other.is_lost
    second.give_up_strangers()
    wait_until(lambda: other.is_lost)
    assert files_in(Path(settings.cache_path / "classify")) == []
