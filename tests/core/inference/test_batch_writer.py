"""Photos of the classify page go through an object store, from one server with a disk of its own to another."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.s3_server import S3Server
from core.errors import StorageError, StoreError
from core.inference.batch_notes import hash_owner, secret_of
from core.inference.batch_records import GivenPhoto, PhotoOrigin
from core.inference.batch_registry import BatchRegistry, classify_dir, remove_unknown_batches
from core.inference.classifier import Classifier
from core.settings import Settings
from core.storage.db import Database, open_database
from core.storage.open_store import open_store
from core.storage.schema import ClassifyPhoto
from tests.conftest import PROJECT_DIR
from tests.core.inference.running_registry import running_registry
from tests.core.inference.test_batch_registry import files_in
from tests.core.inference.test_batch_shelf import ANNA, BERT, CAT, NETWORKS, fill, rows
from tests.waiting import wait_until

# A server that says which batch it has written down, and has no time for anything more.
_DYING = """
import sys
from pathlib import Path
from core.settings import Settings
from tests.core.inference.running_registry import running_registry
from tests.core.inference.test_batch_shelf import fill
workspace, database, store = sys.argv[1:]
with running_registry(Settings(workspace_dir=Path(workspace), database_url=database, store_url=store)) as registry:
    print(fill(registry).batch_id, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def stored(settings: Settings, s3_server: S3Server) -> Settings:
    """Of a server with a store."""
    return replace(settings, store_url=s3_server.new_store(), database_url=f"sqlite:///{settings.database_path}")


@pytest.fixture
def elsewhere(stored: Settings, tmp_path: Path) -> Settings:
    """Of another server, with a disk of its own."""
    return replace(stored, workspace_dir=tmp_path / "other")


@pytest.fixture
def first(stored: Settings) -> Iterator[BatchRegistry]:
    with running_registry(stored) as running:
        yield running


@pytest.fixture
def second(elsewhere: Settings) -> Iterator[BatchRegistry]:
    with running_registry(elsewhere) as running:
        yield running


@pytest.fixture
def database(settings: Settings) -> Iterator[Database]:
    database = open_database(settings)
    yield database
    database.close()


def count_files(server: S3Server, bucket: str) -> int:
    """What is in a bucket, without asking through the app, which leaves a store alone for a while that has failed."""
    return len(server.files().find(bucket))


def kept_in_store(settings: Settings) -> set[str]:
    """What the store has for the classify page: batch and file."""
    return set(open_store(settings).ages(classify_dir(settings)))


def test_photos_outlive_server_and_disk(stored: Settings, elsewhere: Settings, second: BatchRegistry) -> None:
    """The server is killed and its disk is gone: another one has answers and photos, each brought when it is read."""
    lost = elsewhere.workspace_dir.with_name("lost")
    command = [sys.executable, "-c", _DYING, str(lost), stored.database_url, stored.store_url]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=PROJECT_DIR
    ) as process:
        assert process.stdout is not None
        batch_id = process.stdout.readline().strip()
        process.kill()
    shutil.rmtree(lost)
    batch = second.find(batch_id, owner=ANNA)
    assert batch is not None
    assert [each.classification is not None for each in batch.view(NETWORKS[0]).answers] == [True, True, False, False]
    assert batch.read(2) == CAT
    assert len(files_in(classify_dir(elsewhere))) == 1


def test_whoever_lets_go_keeps_no_copies(first: BatchRegistry, second: BatchRegistry, stored: Settings) -> None:
    """What the visitor takes out at the next server would stay on the disk of this one; what stays is in the store."""
    batch = fill(first)
    taken = second.open(batch.batch_id, owner=ANNA)
    wait_until(lambda: batch.is_lost)
    assert list(classify_dir(stored).iterdir()) == []
    assert [taken.read(number) for number in (1, 2, 3)] == [CAT] * 3


def test_what_goes_here_goes_from_the_store(
    first: BatchRegistry, second: BatchRegistry, stored: Settings, elsewhere: Settings
) -> None:
    """Photos that are taken out, pages that are cleared, and whoever is let out, whichever server holds the photos."""
    batch, other = fill(first), fill(first, owner=BERT)
    answer = batch.find(1)
    assert answer is not None
    assert answer.photo.path is not None
    assert len(kept_in_store(stored)) == 6
    batch.remove(1)
    first._writer.flush()
    assert len(kept_in_store(stored)) == 5
    assert f"{batch.batch_id}/{answer.photo.path.name}" not in kept_in_store(stored)
    batch.clear()
    batch.add_file("anew.png", CAT, PhotoOrigin.FILE)
    first._writer.flush()
    assert len(kept_in_store(stored)) == 4
    second.give_up_of({hash_owner(secret_of(BERT))})
    second._writer.flush()
    wait_until(lambda: other.is_lost)
    assert {name.partition("/")[0] for name in kept_in_store(stored)} == {batch.batch_id}
    first.give_up_of({hash_owner(secret_of(ANNA))})
    wait_until(lambda: not kept_in_store(stored))
    assert files_in(classify_dir(stored)) == files_in(classify_dir(elsewhere)) == []


def test_what_nobody_knows_goes_from_the_store(first: BatchRegistry, stored: Settings) -> None:
    """Of a server that was killed before it wrote down, or before it deleted; young ones stay, for it may be at it."""
    batch = fill(first, num_photos=1)
    left = classify_dir(stored) / "left" / "file"
    left.parent.mkdir()
    left.write_bytes(CAT)
    open_store(stored).keep(left)
    shutil.rmtree(left.parent)
    first.sweep()
    assert len(kept_in_store(stored)) == 2
    remove_unknown_batches(stored, {batch.batch_id}, older_than_seconds=-60.0)
    assert {name.partition("/")[0] for name in kept_in_store(stored)} == {batch.batch_id}


def test_a_store_that_is_away_loses_nothing(
    stored: Settings, elsewhere: Settings, database: Database, s3_server: S3Server, caplog: pytest.LogCaptureFixture
) -> None:
    """Photos are shown, taken out and written down as ever; later everything is sent, also what another server has
    taken over meanwhile."""
    bucket, files = "comes-later", s3_server.files()
    ours, theirs = (replace(each, store_url=f"s3://{bucket}/x") for each in (stored, elsewhere))
    with running_registry(ours) as registry:
        batch = registry.open(None, owner=ANNA)
        batch.add([GivenPhoto(name=f"{number}.png", origin=PhotoOrigin.FILE, data=CAT) for number in range(3)])
        batch.remove(2)
        assert batch.read(1) == CAT
        with pytest.raises(StoreError, match="its bucket does not exist"):
            registry._writer.flush()
        wait_until(lambda: "cannot be written down at present" in caplog.text)
        assert rows(database, ClassifyPhoto) == 2
        try:
            with running_registry(theirs) as other:
                taken = other.find(batch.batch_id, owner=ANNA)
                assert taken is not None
                wait_until(lambda: batch.is_lost)
                assert len(files_in(classify_dir(ours))) == 2  # which nobody else has
                files.mkdir(bucket)
                wait_until(lambda: count_files(s3_server, bucket) == 2)
                assert [taken.read(number) for number in (1, 3)] == [CAT, CAT]
            assert len(kept_in_store(ours)) == 2
        finally:
            files.rm(bucket, recursive=True)
    assert caplog.text.count("cannot be written down at present") == 1


def test_photos_wait_for_a_store_that_is_away(
    first: BatchRegistry,
    prepared_settings: Settings,
    elsewhere: Settings,
    classifier: Classifier,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """They are not refused for it: the page shows them as waiting, and the visitor has them gone on with."""
    batch = fill(first)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with running_registry(replace(elsewhere, workspace_dir=elsewhere.workspace_dir.with_name("third"))) as registry:
        taken = registry.open(batch.batch_id, owner=ANNA)
        taken.remove(4)  # the link
        taken.start(classifier)
        wait_until(lambda: not taken.is_running)
        assert [each.is_waiting for each in taken.view(classifier.fingerprint).answers] == [True] * 3
        with pytest.raises(StoreError, match="does not answer"):
            taken.read(1)


def test_a_photo_that_the_store_never_got_says_so(stored: Settings, second: BatchRegistry) -> None:
    """By its name, with what to do: its server came to its end while the store did not answer it."""
    with running_registry(replace(stored, store_url="s3://never-there/x")) as first:
        batch = first.open(None, owner=ANNA)
        batch.add_file("cat.png", CAT, PhotoOrigin.FILE)
        with pytest.raises(StoreError, match="its bucket does not exist"):
            first._writer.flush()
    taken = second.open(batch.batch_id, owner=ANNA)
    assert [each.photo.name for each in taken.view("").answers] == ["cat.png"]
    with pytest.raises(StorageError, match=r"had cat.png is gone, and its file with it. Add the photo again."):
        taken.read(1)
