"""Against a real S3 server, from two nodes that have workspaces of their own."""

import hashlib
import logging
import os
import time
from pathlib import Path

import pytest

from benchmarks.s3_server import S3Server
from core.errors import NoSpaceError, SettingsError, StoreError
from core.settings import Settings
from core.storage.local_copies import IN_USE_SECONDS
from core.storage.object_store import ObjectStore
from core.storage.open_store import open_store
from core.storage.store import NO_STORE, Store

PHOTO = b"the bytes of a photo"
HASH = hashlib.sha256(PHOTO).hexdigest()


class Node:
    """One of several that share a store."""

    def __init__(self, folder: Path, url: str, *, max_bytes: int = 10**9) -> None:
        self.folder = folder
        self.store: Store = ObjectStore(url, folder, folder / "cache", max_bytes=max_bytes)

    def write(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    def brought(self, name: str) -> bytes | None:
        path = self.folder / name
        self.store.bring(path)
        return path.read_bytes() if path.is_file() else None

    def used_at(self, moment: float, name: str) -> None:
        os.utime(self.folder / name, (moment, moment))


@pytest.fixture
def url(s3_server: S3Server) -> str:
    return s3_server.new_store()


@pytest.fixture
def one(url: str, tmp_path: Path) -> Node:
    return Node(tmp_path / "one", url)


@pytest.fixture
def other(url: str, tmp_path: Path) -> Node:
    return Node(tmp_path / "other", url)


def test_without_an_address_nothing_happens(tmp_path: Path) -> None:
    """The workspace of whoever has no store is all there is."""
    settings = Settings(workspace_dir=tmp_path)
    assert open_store(settings) is NO_STORE
    NO_STORE.bring(tmp_path / "x")
    NO_STORE.keep(tmp_path / "x")
    assert (NO_STORE.sizes(tmp_path), NO_STORE.trim(), list(NO_STORE.all_files())) == ({}, 0, [])


def test_equal_settings_have_one_store(s3_server: S3Server, tmp_path: Path) -> None:
    """Connections and what is remembered are shared by all who work on a node."""
    settings = Settings(workspace_dir=tmp_path, store_url=s3_server.new_store())
    assert open_store(settings) is open_store(Settings(workspace_dir=tmp_path, store_url=settings.store_url))


@pytest.mark.parametrize("url", ["nonsense://bucket", "gs//x://"])
def test_an_address_that_nobody_reads_is_refused(url: str, tmp_path: Path) -> None:
    """The message names the setting and what is expected."""
    with pytest.raises(SettingsError, match=r"BLUETIT_STORE_URL .* s3://bucket/folder"):
        open_store(Settings(workspace_dir=tmp_path, store_url=url))


@pytest.mark.parametrize(
    "name",
    [
        f"photos/{HASH[:2]}/{HASH}.jpg",
        "runs/12/head.npz",
        "runs/12/exports/model.zip",
        "incoming/abc/000000",
        "foreign/3/model.tflite",
        "cache/backbones/Lite0-1/model.tflite",
        "cache/exports/4-2-1.zip",
        "deleting/7.json",
    ],
)
def test_what_one_node_keeps_the_other_has(name: str, one: Node, other: Node) -> None:
    """Whole, and byte for byte."""
    one.store.keep(one.write(name, PHOTO))
    assert other.brought(name) == PHOTO
    assert not list(other.folder.rglob(".tmp-*"))


def test_a_large_file_arrives_whole(one: Node, other: Node) -> None:
    """One that is sent and read in several pieces."""
    content = os.urandom(11_000_000)
    one.store.keep(one.write("runs/1/model.keras", content))
    assert other.brought("runs/1/model.keras") == content


def test_a_whole_folder_is_brought_at_once(one: Node, other: Node) -> None:
    """With its folders, and without what nobody else needs."""
    for name in ("incoming/k/index.json", "incoming/k/000000", "incoming/k/deep/x", "incoming/k/unneeded/y"):
        one.write(name, name.encode())
    one.store.keep(one.folder / "incoming/k", without=("unneeded",))
    other.store.bring(other.folder / "incoming/k/index.json")
    found = {
        path.relative_to(other.folder / "incoming/k").as_posix() for path in (other.folder / "incoming/k").rglob("*")
    }
    assert {"index.json", "000000", "deep/x"} <= found
    assert "unneeded/y" not in found


def test_a_photo_of_the_classify_page_is_brought_alone(one: Node, other: Node) -> None:
    """Those beside it stay where they are until they are read; a batch goes as a whole."""
    for name in ("cache/classify/b/one", "cache/classify/b/two"):
        one.store.keep(one.write(name, name.encode()))
    assert other.brought("cache/classify/b/two") == b"cache/classify/b/two"
    assert not (other.folder / "cache/classify/b/one").exists()
    assert other.brought("cache/classify/b/three") is None
    one.store.remove(one.folder / "cache/classify/b")
    assert one.store.ages(one.folder / "cache/classify") == {}


def test_what_is_nowhere_is_missing(one: Node) -> None:
    """Whoever reads says so, as without a store."""
    assert one.brought("runs/1/report.json") is None
    assert one.brought(f"photos/{HASH[:2]}/{HASH}.jpg") is None
    assert one.brought("foreign/1/model.tflite") is None


def test_a_replaced_file_of_a_run_is_noticed(one: Node, other: Node) -> None:
    """By a node that has the older one already, at once where it asks for the newest."""
    one.store.keep(one.write("runs/1/decision.json", b"old"))
    assert other.brought("runs/1/decision.json") == b"old"
    one.store.keep(one.write("runs/1/decision.json", b"newer"))
    other.store.bring(other.folder / "runs/1", is_newest=True)
    assert (other.folder / "runs/1/decision.json").read_bytes() == b"newer"


def test_a_new_file_of_a_run_is_found_at_once(one: Node, other: Node) -> None:
    """A row was read that names it: it must not take seconds until the file is found."""
    assert other.brought("runs/1/report.json") is None
    one.store.keep(one.write("runs/1/report.json", b"{}"))
    time.sleep(0.15)
    assert other.brought("runs/1/report.json") == b"{}"


def test_what_was_written_here_and_not_sent_yet_stays(one: Node, other: Node) -> None:
    """Bringing brings nothing older in its place, and keeping sends it then."""
    one.store.keep(one.write("runs/1/log.txt", b"first"))
    assert other.brought("runs/1/log.txt") == b"first"
    other.write("runs/1/log.txt", b"first and second")
    other.store.bring(other.folder / "runs/1", is_newest=True)
    assert (other.folder / "runs/1/log.txt").read_bytes() == b"first and second"
    other.store.keep(other.folder / "runs/1")
    one.store.bring(one.folder / "runs/1", is_newest=True)
    assert (one.folder / "runs/1/log.txt").read_bytes() == b"first and second"


def test_what_another_node_wrote_since_wins(one: Node, other: Node) -> None:
    """A worker was killed before it could send; another has gone on with its run since."""
    one.store.keep(one.write("runs/1/report.json", b"base"))
    other.brought("runs/1/report.json")
    one.write("runs/1/report.json", b"never sent")
    other.store.keep(other.write("runs/1/report.json", b"of the one who went on"))
    one.store.bring(one.folder / "runs/1", is_newest=True)
    assert (one.folder / "runs/1/report.json").read_bytes() == b"of the one who went on"


def test_only_what_has_changed_is_sent(one: Node, s3_server: S3Server, url: str) -> None:
    """Keeping a folder again sends nothing twice: whoever looks sees the first time."""
    one.write("runs/1/a", b"a")
    one.store.keep(one.folder / "runs/1")
    before = one.store.ages(one.folder / "runs/1")
    time.sleep(1.1)  # the store's times are in seconds
    one.write("runs/1/b", b"b")
    one.store.keep(one.folder / "runs/1")
    after = one.store.ages(one.folder / "runs/1")
    assert after["a"] == before["a"]
    assert after["b"] > after["a"]


def test_what_was_removed_is_gone_for_all(one: Node, other: Node) -> None:
    """From the store, and from a node that looks again."""
    one.store.keep(one.write("runs/1/a", b"a"), one.write("runs/1/b", b"b"), one.write("runs/12/a", b"a"))
    assert other.brought("runs/1/a") == b"a"
    (one.folder / "runs/1/a").unlink()
    one.store.remove(one.folder / "runs/1/a")
    other.store.bring(other.folder / "runs/1", is_newest=True)
    assert not (other.folder / "runs/1/a").exists()
    one.store.remove(one.folder / "runs/1")
    assert sorted(one.store.ages(one.folder / "runs")) == ["12/a"]


def test_a_folder_gets_another_name(one: Node) -> None:
    """As that of a run which belongs to another database."""
    one.store.keep(one.write("runs/1/a", b"a"))
    one.store.move(one.folder / "runs/1", one.folder / "runs/1-before")
    assert list(one.store.ages(one.folder / "runs")) == ["1-before/a"]


def test_sizes_are_told_for_each_run(one: Node) -> None:
    """Whatever of them is here."""
    one.store.keep(one.write("runs/1/a", b"abc"), one.write("runs/1/x/b", b"de"), one.write("runs/2/a", b"f"))
    assert one.store.sizes(one.folder / "runs") == {"1": 5, "2": 1}


def test_everything_stored_can_be_read_through(one: Node) -> None:
    """As a receipt has to."""
    one.store.keep(one.write("runs/1/a", b"abc"), one.write("cache/exports/1", b"de"))
    assert {key: b"".join(pieces) for key, pieces in one.store.all_files()} == {
        "runs/1/a": b"abc",
        "cache/exports/1": b"de",
    }


def test_a_damaged_photo_is_not_brought(
    one: Node, other: Node, s3_server: S3Server, url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Its bytes do not fit its name; the log names the component and the photo."""
    name = f"photos/{HASH[:2]}/{HASH}.jpg"
    one.store.keep(one.write(name, PHOTO))
    s3_server.files().pipe_file(f"{url}/{name}", b"something else")
    assert other.brought(name) is None
    assert "Component object store" in caplog.text
    assert HASH in caplog.text


def test_the_longest_unused_copies_go_for_room(url: str, tmp_path: Path) -> None:
    """Neither what was just used nor what the store has not; and what went is brought again."""
    node = Node(tmp_path / "small", url, max_bytes=3_000)
    for name in ("runs/1/old", "runs/2/older", "runs/3/unsent", "runs/4/changed", "runs/5/used"):
        node.write(name, name.encode() * 100)
    node.store.keep(*(node.folder / name for name in ("runs/1", "runs/2", "runs/4", "runs/5")))
    node.write("runs/4/changed", b"since it was sent" * 100)
    long_ago = time.time() - IN_USE_SECONDS * 2
    for number, name in enumerate(("runs/2/older", "runs/1/old", "runs/3/unsent", "runs/4/changed")):
        node.used_at(long_ago + number, name)
    for number, name in enumerate(("runs/2/older", "runs/1/old")):
        node.store.keep(node.folder / name)  # the time of its change is part of what is compared
        node.used_at(long_ago + number, name)
    assert node.store.trim() > 0
    assert not (node.folder / "runs/2/older").exists()
    assert all((node.folder / name).exists() for name in ("runs/3/unsent", "runs/4/changed", "runs/5/used"))
    assert node.brought("runs/2/older") == b"runs/2/older" * 100


def test_room_is_made_by_whoever_brings(one: Node, url: str, tmp_path: Path) -> None:
    """A node that only trains has nobody else who looks after it."""
    one.store.keep(one.write("runs/1/a", b"a" * 1_000), one.write("runs/2/b", b"b" * 1_000))
    node = Node(tmp_path / "tiny", url, max_bytes=100)
    assert node.brought("runs/1/a")
    long_ago = time.time() - IN_USE_SECONDS * 2
    node.used_at(long_ago, "runs/1/a")
    node.store.keep(node.folder / "runs/1/a")
    node.used_at(long_ago, "runs/1/a")
    assert node.brought("runs/2/b")
    assert not (node.folder / "runs/1/a").exists()


def test_a_wrong_key_is_told_in_a_sentence(
    s3_server: S3Server, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """As is one that has expired; the file is here still, and no log shows the key."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "a-key-that-has-expired")
    node = Node(tmp_path / "outside", url)
    path = node.write("runs/1/a", b"a")
    with pytest.raises(StoreError, match=r"its key is wrong, or has expired. Nothing is lost"):
        node.store.keep(path)
    assert path.read_bytes() == b"a"
    assert "Component object store" in caplog.text
    assert "a-key-that-has-expired" not in caplog.text
    monkeypatch.undo()
    for name, value in s3_server.environment.items():
        monkeypatch.setenv(name, value)
    again = Node(tmp_path / "outside", url)
    again.store.keep(path)
    assert "1/a" in again.store.ages(again.folder / "runs")


def test_a_store_that_is_away_is_told_in_a_sentence(
    s3_server: S3Server, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What is here can be read still, where nobody has to be asked for it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    node = Node(tmp_path / "alone", url)
    name = f"photos/{HASH[:2]}/{HASH}.jpg"
    node.write(name, PHOTO)
    assert node.brought(name) == PHOTO
    for _ in range(3):
        with pytest.raises(StoreError, match="does not answer as it should"):
            node.store.bring(node.folder / "runs/1/a")
    assert caplog.text.count("Component object store") == 1  # the others did not wait for it once more


def test_a_bucket_that_is_not_there_is_told_in_a_sentence(s3_server: S3Server, tmp_path: Path) -> None:
    """The administrator learns what to make."""
    node = Node(tmp_path / "x", "s3://no-such-bucket-anywhere/x")
    with pytest.raises(StoreError, match="its bucket does not exist"):
        node.store.keep(node.write("runs/1/a", b"a"))


def test_a_full_store_is_told_in_a_sentence(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What could not be stored is here still, and goes with the next try."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("needs /dev/full")
    target = tmp_path / "store"
    (target / "runs/1").mkdir(parents=True)
    (target / "runs/1/a").symlink_to(full)
    node = Node(tmp_path / "node", target.as_uri())
    path = node.write("runs/1/a", b"a")
    with caplog.at_level(logging.ERROR), pytest.raises(NoSpaceError, match=r"no room left. Nothing is lost"):
        node.store.keep(path)
    assert "it is full" in caplog.text
    assert path.read_bytes() == b"a"
    (target / "runs/1/a").unlink()
    node.store.keep(path)
    assert (target / "runs/1/a").read_bytes() == b"a"
