"""A visitor's photos and their answers."""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace

import pytest

from core.inference.batch_records import BatchView, GivenPhoto, Intake, PhotoOrigin
from core.inference.classifier import Classifier
from core.inference.photo_batch import PhotoBatch
from core.photos.samples import SAMPLE_PHOTOS, sample_path
from core.settings import Settings
from tests.core.inference.running_registry import running_registry
from tests.loopback_server import LoopbackServer
from tests.waiting import wait_until

CAT = sample_path(SAMPLE_PHOTOS[0]).read_bytes()
COFFEE = sample_path(SAMPLE_PHOTOS[1]).read_bytes()

OpenBatch = Callable[..., PhotoBatch]


@pytest.fixture
def open_batch(settings: Settings) -> Iterator[OpenBatch]:
    """A new batch, in a server with other settings where they are given."""
    with ExitStack() as running:

        def open_one(**changed: object) -> PhotoBatch:
            registry = running.enter_context(running_registry(replace(settings, **changed)))
            return registry.open(None, owner="anna")

        yield open_one


@pytest.fixture
def batch(open_batch: OpenBatch) -> PhotoBatch:
    return open_batch()


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        yield running


def finish(batch: PhotoBatch, classifier: Classifier) -> BatchView:
    """Classify what waits, and wait for it."""
    fingerprint = classifier.record.fingerprint
    batch.start(classifier)
    wait_until(lambda: not batch.view(fingerprint).is_running)
    return batch.view(fingerprint)


def test_photos_are_answered_in_the_order_of_arrival(batch: PhotoBatch, classifier: Classifier):
    """Each photo keeps its place and gets its own answer."""
    for number in range(6):
        batch.add_file(f"{number}.png", CAT if number % 2 == 0 else COFFEE, PhotoOrigin.FILE)
    view = finish(batch, classifier)
    assert [answer.photo.name for answer in view.answers] == [f"{number}.png" for number in range(6)]
    groups = [answer.classification.group for answer in view.answers if answer.classification]
    assert groups == ["cat", "food"] * 3
    assert view.num_waiting == 0


def test_one_bad_photo_does_not_stop_the_others(batch: PhotoBatch, classifier: Classifier):
    """The bad one says why, by name; the good ones are answered."""
    batch.add_file("a.png", CAT, PhotoOrigin.FILE)
    batch.add_file("broken.jpg", b"\xff\xd8\xff\xe0 broken", PhotoOrigin.FILE)
    batch.add_file("empty.jpg", b"", PhotoOrigin.FILE)
    batch.add_file("b.png", COFFEE, PhotoOrigin.FILE)
    first, broken, empty, last = finish(batch, classifier).answers
    assert first.classification
    assert last.classification
    assert "broken.jpg" in (broken.photo.error or "")
    assert "empty.jpg" in (empty.photo.error or "")


def given(*names: str, data: bytes = CAT) -> list[GivenPhoto]:
    return [GivenPhoto(name=name, origin=PhotoOrigin.FILE, data=data) for name in names]


def test_what_became_of_the_given_photos_adds_up(open_batch: OpenBatch):
    """Taken, refused and without room are told apart, and nothing is left over."""
    batch = open_batch(max_photos_per_batch=4, max_photo_bytes=len(CAT))
    assert batch.last_intake is None
    photos = [*given("a.png", "b.png"), *given("huge.png", data=CAT + b"x"), *given("c.png", "d.png", "e.png")]
    intake = batch.add(photos)
    because = intake.no_room_because
    assert because == (
        "You have 4 photos here, as many as a visitor may have. Clear the page, or remove photos, before you add more."
    )
    assert intake == Intake(
        num_given=6, num_taken=3, num_refused=1, no_room=("d.png", "e.png"), no_room_because=because
    )
    assert batch.last_intake == intake
    assert [answer.photo.name for answer in batch.view("").answers] == ["a.png", "b.png", "huge.png", "c.png"]
    assert batch.add_link("https://example.org/f.jpg").no_room == ("f.jpg",)
    batch.clear()
    assert batch.last_intake is None
    assert batch.add_file("a.png", CAT, PhotoOrigin.FILE).num_taken == 1


def test_photos_given_at_the_same_time_share_the_room(open_batch: OpenBatch):
    """From several runs of the page at once, no more photos come in than fit, and each is counted once."""
    batch = open_batch(max_photos_per_batch=50)
    with ThreadPoolExecutor(4) as pool:
        intakes = list(pool.map(lambda number: batch.add(given(*[f"{number}.png"] * 20)), range(4)))
    assert sum(intake.num_taken for intake in intakes) == 50
    assert sum(len(intake.no_room) for intake in intakes) == 30
    assert len(batch.view("").answers) == 50


def test_a_photo_that_never_arrived_is_listed_with_the_reason(batch: PhotoBatch):
    """It counts as refused."""
    photo = GivenPhoto(name="lost.jpg", origin=PhotoOrigin.FILE, refusal="lost.jpg did not arrive.")
    assert batch.add([photo]).num_refused == 1
    (answer,) = batch.view("").answers
    assert answer.photo.error == "lost.jpg did not arrive."
    assert not answer.is_waiting


def test_a_photo_over_the_limit_is_refused_at_once(open_batch: OpenBatch):
    """Too large a file is never written to the disk."""
    batch = open_batch(max_photo_bytes=10)
    batch.add_file("huge.png", b"x" * 11, PhotoOrigin.FILE)
    (answer,) = batch.view("").answers
    assert "huge.png" in (answer.photo.error or "")
    assert answer.photo.path is None


@pytest.mark.skipif(os.name == "nt", reason="Windows has no device that is always full")
def test_a_full_disk_is_told_per_photo(batch: PhotoBatch, monkeypatch: pytest.MonkeyPatch):
    """When the file finds no room, the photo is listed with the remedy, and nothing breaks."""
    folder = batch._files.folder
    folder.mkdir(parents=True)
    (folder / "1").symlink_to("/dev/full")
    monkeypatch.setattr("core.inference.photo_files.secrets.token_hex", lambda _: "1")
    batch.add_file("cat.png", CAT, PhotoOrigin.FILE)
    (answer,) = batch.view("").answers
    assert "full" in (answer.photo.error or "")


def test_a_link_is_read_when_its_turn_comes(open_batch: OpenBatch, classifier: Classifier, server: LoopbackServer):
    """The photo behind the link is fetched, named and answered."""
    batch = open_batch(link_allowed_private_hosts=("127.0.0.1",))
    batch.add_link(server.url("/photo.jpg"))
    assert not server.paths
    (answer,) = finish(batch, classifier).answers
    assert answer.classification
    assert answer.photo.name == "photo.jpg"
    assert batch.read(answer.photo.photo_id) == server.photo


def test_a_link_to_a_private_address_is_refused(batch: PhotoBatch, classifier: Classifier, server: LoopbackServer):
    """Nobody reads this computer's own servers through Bluetit."""
    batch.add_link(server.url("/photo.jpg"))
    (answer,) = finish(batch, classifier).answers
    assert answer.photo.error
    assert not server.paths


def test_stopping_leaves_the_rest_waiting_and_going_on_finishes_it(batch: PhotoBatch, classifier: Classifier):
    """Stop takes effect after the photos under way; nothing is lost, nothing is done twice."""
    fingerprint = classifier.record.fingerprint
    for number in range(200):
        batch.add_file(f"{number}.png", CAT, PhotoOrigin.FILE)
    batch.start(classifier)
    wait_until(lambda: batch.view(fingerprint).num_waiting < 200)
    batch.stop()
    assert not batch.view(fingerprint).is_running
    num_waiting = batch.view(fingerprint).num_waiting
    assert 0 < num_waiting < 200
    for answer in batch.view(fingerprint).answers[100:]:
        batch.remove(answer.photo.photo_id)
    assert finish(batch, classifier).num_waiting == 0


def test_photos_added_while_classifying_are_answered_too(batch: PhotoBatch, classifier: Classifier):
    """An impatient visitor drops more photos in before the first are done."""
    for number in range(60):
        batch.add_file(f"{number}.png", CAT, PhotoOrigin.FILE)
        batch.start(classifier)
    assert finish(batch, classifier).num_waiting == 0
    assert len(batch.view(classifier.record.fingerprint).answers) == 60


def test_the_answers_of_another_backbone_do_not_mix(batch: PhotoBatch, classifier: Classifier):
    """A backbone that has not seen the photos has no answers, and the ones of the first are kept."""
    batch.add_file("cat.png", CAT, PhotoOrigin.FILE)
    finish(batch, classifier)
    assert batch.view("another fingerprint").num_waiting == 1
    assert batch.view(classifier.record.fingerprint).num_waiting == 0


def test_answers_of_networks_long_unused_and_of_removed_photos_are_forgotten(batch: PhotoBatch, classifier: Classifier):
    """Each way of deciding is another network to the batch: memory must not grow with every position of a slider."""
    batch.add(given("cat.png", "coffee.png"))
    networks = []
    for number in range(12):
        record = replace(classifier.record, fingerprint=f"{number}")
        networks.append(Classifier(record, classifier.engine, classes=classifier.classes, squares=classifier.squares))
        assert finish(batch, networks[-1]).num_waiting == 0
    assert [batch.view(f"{number}").num_waiting for number in (7, 8, 11)] == [2, 0, 0]
    assert finish(batch, networks[0]).num_waiting == 0
    batch.remove(1)
    assert [len(said.answers) for said in batch._contents._said.values()] == [1] * 4


def test_removing_and_clearing_delete_the_files(batch: PhotoBatch, settings: Settings):
    """Photos that were taken out are gone from the disk; removing one twice does no harm."""
    batch.add_file("cat.png", CAT, PhotoOrigin.FILE)
    batch.add_file("coffee.png", COFFEE, PhotoOrigin.FILE)
    folder = settings.cache_path / "classify" / batch.batch_id
    first = batch.view("").answers[0].photo.photo_id
    batch.remove(first)
    batch.remove(first)
    assert len(list(folder.iterdir())) == 1
    batch.clear()
    assert not folder.exists()
    assert batch.view("").answers == ()


def test_a_bug_met_by_one_photo_is_told_once(
    batch: PhotoBatch, classifier: Classifier, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    """An unexpected exception is logged and ends that photo; it is not tried for ever, and the others are answered."""
    classify = classifier.classify

    def fail_on_coffee(data: bytes, name: str, *, is_alone: bool = False) -> object:
        if name == "coffee.png":
            raise ZeroDivisionError("a bug")
        return classify(data, name, is_alone=is_alone)

    monkeypatch.setattr(classifier, "classify", fail_on_coffee)
    batch.add_file("coffee.png", COFFEE, PhotoOrigin.FILE)
    batch.add_file("cat.png", CAT, PhotoOrigin.FILE)
    coffee, cat = finish(batch, classifier).answers
    assert "coffee.png could not be classified" in (coffee.photo.error or "")
    assert cat.classification
    assert "a bug" in caplog.text


def test_changes_are_those_since_a_version(batch: PhotoBatch, classifier: Classifier):
    """All at first, then what has changed; ids only where photos came or went."""
    fingerprint = classifier.fingerprint
    batch.add(given("a.png", "b.png"))
    first = batch.changes(fingerprint)
    assert (first.photo_ids, first.num_waiting, first.is_running) == ((1, 2), 2, False)
    assert batch.changes(fingerprint, first.version).answers == ()
    finish(batch, classifier)
    answered = batch.changes(fingerprint, first.version)
    assert [answer.photo.photo_id for answer in answered.answers if answer.classification] == [1, 2]
    last = batch.changes(fingerprint, answered.version)
    assert (last.version, last.answers, last.photo_ids, last.num_waiting) == (answered.version, (), None, 0)
    batch.remove(1)
    removed = batch.changes(fingerprint, answered.version)
    assert (removed.answers, removed.photo_ids) == ((), (2,))
    batch.remove(1, 77)
    assert batch.version == removed.version
    batch.add_link("https://example.org/c.png")
    (new,) = batch.changes(fingerprint, removed.version).answers
    assert (new.photo.name, new.has_picture, new.is_waiting) == ("c.png", False, True)


@pytest.mark.parametrize("since", [-1, 10**30], ids=["negative", "never reached"])
def test_a_version_that_never_was_asks_for_all(batch: PhotoBatch, since: int):
    """A page that another server, or a forger, told a version sees everything."""
    batch.add(given("a.png", "b.png"))
    changes = batch.changes("", since)
    assert (len(changes.answers), changes.photo_ids) == (2, (1, 2))


def test_answers_that_were_forgotten_and_given_anew_are_told_again(batch: PhotoBatch, classifier: Classifier):
    """To a page that has waited all the time the network looks as if it had just been chosen."""
    batch.add(given("a.png"))
    finish(batch, classifier)
    version = batch.version
    for number in range(4):
        record = replace(classifier.record, fingerprint=f"{number}")
        finish(batch, Classifier(record, classifier.engine, classes=classifier.classes, squares=classifier.squares))
    assert batch.changes(classifier.fingerprint, version).num_waiting == 1
    finish(batch, classifier)
    assert [answer.photo.name for answer in batch.changes(classifier.fingerprint, version).answers] == ["a.png"]


def test_every_change_rings(batch: PhotoBatch, classifier: Classifier):
    """Photos that come, are answered, go; a run that begins, is stopped, ends; and nobody is rung who left."""
    versions: list[int] = []
    fingerprint = classifier.fingerprint
    rung, is_free = threading.Event(), threading.Event()
    pool = batch._host.pool
    for _ in range(pool._num_threads):  # so that a run is still under way when it is stopped
        pool.call("others", is_free.wait)
    with batch.bell.listening(rung.set):
        for change in (
            lambda: batch.add(given("a.png", "b.png")),
            lambda: batch.start(classifier),
            batch.stop,
            lambda: batch.remove(1),
            batch.clear,
        ):
            rung.clear()
            change()
            assert rung.is_set()
            versions.append(batch.version)
        assert versions == sorted(set(versions))
        is_free.set()
        batch.add(given("a.png"))
        batch.start(classifier)
        wait_until(lambda: not batch.changes(fingerprint).is_running)
    rung.clear()
    batch.clear()
    assert not rung.is_set()
    assert batch.bell.num_listeners == 0


def test_a_run_that_ended_keeps_no_network_in_memory(batch: PhotoBatch, classifier: Classifier):
    """Photos wait an hour for their visitor, and a network must not stay loaded for so long."""
    batch.add(given("a.png", "b.png"))
    finish(batch, classifier)
    assert batch._run is None
    batch.add(given("c.png"))
    batch.start(classifier)
    batch.clear()
    assert batch._run is None


def test_links_that_answer_slowly_hold_up_no_photos(
    open_batch: OpenBatch, classifier: Classifier, server: LoopbackServer
):
    """However many links wait for a server that is silent, files are answered; stopping breaks the reading off."""
    batch = open_batch(link_allowed_private_hosts=("127.0.0.1",), inference_threads=1)
    for number in range(30):
        batch.add_link(server.url(f"/stalled?{number}"))
    batch.add(given("cat.png"))
    batch.start(classifier)
    wait_until(lambda: batch.changes(classifier.fingerprint).num_waiting == 30)
    assert batch.changes(classifier.fingerprint).is_running
    batch.stop()
    assert batch.changes(classifier.fingerprint).num_waiting == 30
    assert batch.find(31, classifier.fingerprint).classification
    wait_until(lambda: batch._host.link_pool.is_otherwise_idle)


def test_a_link_that_is_read_again_is_counted_once(
    open_batch: OpenBatch, classifier: Classifier, server: LoopbackServer
):
    """Stopped in the middle of reading and begun anew: one file, its bytes counted once, and none afterwards."""
    batch = open_batch(link_allowed_private_hosts=("127.0.0.1",))
    batch.add_link(server.url("/photo.jpg"))
    for _ in range(5):
        batch.start(classifier)
        batch.stop()
    assert finish(batch, classifier).answers[0].classification
    wait_until(lambda: batch._host.link_pool.is_otherwise_idle)
    assert batch._host.room.num_bytes == len(server.photo)
    assert len(list(batch._files.folder.iterdir())) == 1
    batch.clear()
    assert batch._host.room.num_bytes == batch._host.room.num_photos == 0


def test_photos_of_another_visitor_are_answered_in_between(settings: Settings, classifier: Classifier):
    """A single photo does not wait for the three hundred that came before it."""
    with running_registry(replace(settings, inference_threads=1)) as registry:
        many, one = registry.open(None, owner="anna"), registry.open(None, owner="bert")
        many.add(given(*["cat.png"] * 300))
        one.add(given("cat.png"))
        many.start(classifier)
        wait_until(lambda: many.changes(classifier.fingerprint).num_waiting < 300)
        finish(one, classifier)
        assert many.changes(classifier.fingerprint).num_waiting > 200
