"""`core.datasets.sources.downloads`: files arrive whole whatever happens on the way, or an error says what to do."""

import random
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from core.datasets.sources import downloads
from core.datasets.sources.downloads import Download, download
from core.errors import LinkBrokenError, LinkFailedError, LinkRefusedError, NoSpaceError, TaskCancelledError
from core.settings import Settings
from tests.download_server import Act, DownloadServer

CONTENT = b"PK\x03\x04" + random.Random(0).randbytes(300_000)
OTHER_CONTENT = b"PK\x03\x04" + random.Random(1).randbytes(250_000)

Fetch = Callable[..., Download]


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "RETRY_PAUSE_SECONDS", (0.0, 0.0))


@pytest.fixture
def server() -> Iterator[DownloadServer]:
    with DownloadServer(CONTENT) as running:
        yield running


@pytest.fixture
def download_settings(settings: Settings, server: DownloadServer) -> Settings:
    return replace(settings, link_allowed_private_hosts=(server.host_and_port,), download_stall_seconds=5.0)


@pytest.fixture
def reports() -> list[tuple[float | None, str]]:
    return []


@pytest.fixture
def fetch(
    server: DownloadServer, download_settings: Settings, tmp_path: Path, reports: list[tuple[float | None, str]]
) -> Fetch:
    """Downloads the server's file to `tmp_path / "file"`."""

    def fetch(
        url: str | None = None,
        *,
        max_bytes: int = 10**6,
        cancelled: Callable[[], bool] = lambda: False,
        stall_seconds: float | None = None,
    ) -> Download:
        settings = download_settings
        if stall_seconds is not None:
            settings = replace(settings, download_stall_seconds=stall_seconds)
        return download(
            url or server.url(),
            tmp_path / "file",
            settings,
            report=lambda fraction, message: reports.append((fraction, message)),
            cancelled=cancelled,
            max_bytes=max_bytes,
        )

    return fetch


def range_from(start: int) -> str:
    return f"bytes={start}-"


def is_like_new(tmp_path: Path) -> bool:
    return not (tmp_path / "file.part").exists() and not (tmp_path / "file").exists()


def test_whole_file(server: DownloadServer, fetch: Fetch, tmp_path: Path, reports: list[tuple[float, str]]) -> None:
    """A file arrives with its name and address, and progress goes from 0 to 1."""
    found = fetch()
    assert found.path.read_bytes() == CONTENT
    assert (found.name, found.url) == ("birds.zip", server.url())
    fractions = [fraction for fraction, _ in reports]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1.0
    assert reports[-1][1] == "Downloading birds.zip: 0.3 of 0.3 MB"
    assert not (tmp_path / "file.part").exists()


def test_unknown_length(server: DownloadServer, fetch: Fetch, reports: list[tuple[float | None, str]]) -> None:
    """Without an announced length the file arrives too; its progress is told in megabytes only."""
    server.acts = [Act(announces_length=False)]
    assert fetch().path.read_bytes() == CONTENT
    assert {fraction for fraction, _ in reports} == {None}


def test_broken_connections(server: DownloadServer, fetch: Fetch) -> None:
    """After each break the rest is asked for, tied to the version of the file."""
    server.acts = [Act(send_bytes=100_000), Act(send_bytes=50_000), Act(send_bytes=0), Act(send_bytes=70_000)]
    assert fetch().path.read_bytes() == CONTENT
    starts = [None, *(range_from(start) for start in (100_000, 150_000, 150_000, 220_000))]
    assert server.ranges == starts
    assert {request.headers["if-range"] for request in server.requests[1:]} == {'"version 1"'}


def test_date_instead_of_a_strong_etag(server: DownloadServer, fetch: Fetch) -> None:
    """A weak ETag does not promise the same bytes; the date of the file does."""
    server.etag, server.last_modified = 'W/"1"', "Wed, 21 Oct 2015 07:28:00 GMT"
    server.acts = [Act(send_bytes=100_000)]
    assert fetch().path.read_bytes() == CONTENT
    assert server.requests[1].headers["if-range"] == server.last_modified


def test_no_mark_of_the_version(server: DownloadServer, fetch: Fetch) -> None:
    """Where the server cannot say whether the file is still the same, all of it is asked for again."""
    server.etag = None
    server.acts = [Act(send_bytes=100_000)]
    assert fetch().path.read_bytes() == CONTENT
    assert server.ranges == [None, None]


def test_server_that_ignores_range(server: DownloadServer, fetch: Fetch) -> None:
    """A server that sends everything again is not taken for one that goes on."""
    server.acts = [Act(send_bytes=100_000), Act(knows_range=False)]
    assert fetch().path.read_bytes() == CONTENT
    assert server.ranges == [None, range_from(100_000)]


def test_file_that_changes(server: DownloadServer, fetch: Fetch) -> None:
    """A new version that appears between two tries arrives alone, not behind the beginning of the old one."""
    server.acts = [Act(send_bytes=100_000), Act(new_content=OTHER_CONTENT)]
    assert fetch().path.read_bytes() == OTHER_CONTENT
    assert server.ranges == [None, range_from(100_000)]


def test_file_that_changes_under_a_careless_server(server: DownloadServer, fetch: Fetch) -> None:
    """A server that sends the rest of the new version all the same is found out by its ETag."""
    server.acts = [Act(send_bytes=100_000), Act(new_content=OTHER_CONTENT, ignores_if_range=True)]
    assert fetch().path.read_bytes() == OTHER_CONTENT
    assert server.ranges == [None, range_from(100_000), None]


@pytest.mark.parametrize(
    "lie", [Act(range_start=5), Act(range_total=999_999), Act(status=416)], ids=["start", "total", "status 416"]
)
def test_impossible_rest(server: DownloadServer, fetch: Fetch, lie: Act) -> None:
    """A rest that does not fit to what is there is thrown away, and everything is asked for again."""
    server.acts = [Act(send_bytes=100_000), replace(lie)]
    assert fetch().path.read_bytes() == CONTENT
    assert server.ranges == [None, range_from(100_000), None]


def stop_when(predicate: Callable[[], bool]) -> Callable[[], bool]:
    def cancelled() -> bool:
        if predicate():
            raise TaskCancelledError("stop")
        return False

    return cancelled


def test_next_process_goes_on(server: DownloadServer, fetch: Fetch, tmp_path: Path) -> None:
    """What a stopped download has left is the beginning of the next one."""
    server.acts = [Act(send_bytes=100_000, then="stall")]
    part = tmp_path / "file.part"
    with pytest.raises(TaskCancelledError):
        fetch(cancelled=stop_when(lambda: bool(server.requests) and part.exists()))
    num_here = part.stat().st_size
    assert fetch().path.read_bytes() == CONTENT
    assert server.ranges[1] == (range_from(num_here) if num_here else None)


def test_finished_download_is_not_repeated(server: DownloadServer, fetch: Fetch) -> None:
    """A file that is there already is not asked for again; another link's file is."""
    first = fetch()
    assert fetch() == first
    assert len(server.requests) == 1
    server.contents["/other.zip"] = OTHER_CONTENT
    assert fetch(server.url("/other.zip")).path.read_bytes() == OTHER_CONTENT


def test_length_that_is_too_long(server: DownloadServer, fetch: Fetch) -> None:
    """A server that announces more than it has is found out after some tries."""
    server.etag = None
    server.acts = [Act(announced_bytes=500_000) for _ in range(20)]
    with pytest.raises(LinkBrokenError, match=r"127\.0\.0\.1 broke off before the whole photo or archive was there"):
        fetch()
    assert len(server.requests) == 3


def test_stalled_server(server: DownloadServer, fetch: Fetch) -> None:
    """Silence ends after the setting's time; the next try goes on."""
    server.acts = [Act(send_bytes=100_000, then="stall")]
    assert fetch(stall_seconds=0.4).path.read_bytes() == CONTENT
    assert server.ranges == [None, range_from(100_000)]


def test_server_that_stalls_always(server: DownloadServer, fetch: Fetch) -> None:
    """A server that never says a word is given up, and the message says what to do."""
    server.acts = [Act(send_bytes=0, then="stall") for _ in range(5)]
    with pytest.raises(LinkBrokenError, match=r"fell silent for 0\.3 seconds.*browser"):
        fetch(stall_seconds=0.3)
    assert len(server.requests) == 3


def test_single_bytes_do_not_count(server: DownloadServer, fetch: Fetch) -> None:
    """A server that sends a byte now and then cannot hold the worker for ever."""
    server.acts = [Act(send_bytes=0, then="drip", announces_length=False) for _ in range(5)]
    with pytest.raises(LinkBrokenError, match="fell silent"):
        fetch(stall_seconds=0.4)


def test_slow_but_steady(server: DownloadServer, fetch: Fetch) -> None:
    """There is no limit on the whole time: a download of many times the stall time succeeds."""
    server.acts = [Act(piece_seconds=0.25)]
    assert fetch(stall_seconds=2.0).path.read_bytes() == CONTENT
    assert len(server.requests) == 1


@pytest.mark.parametrize("act", [Act(), Act(announces_length=False)], ids=["announced", "not announced"])
def test_too_large(server: DownloadServer, fetch: Fetch, tmp_path: Path, act: Act) -> None:
    """Too many bytes are refused, announced or not, and not kept."""
    server.acts = [act]
    with pytest.raises(LinkFailedError, match=r"more than 0\.2 MB"):
        fetch(max_bytes=200_000)
    assert is_like_new(tmp_path)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("content", "media_type", "words"),
    [
        (b"<html>log in</html>", "text/html", "web page"),
        (b"\n<!DOCTYPE html><html>log in</html>", "application/zip", "web page"),
        (b"", "application/zip", "empty file"),
    ],
)
def test_something_else(
    server: DownloadServer, fetch: Fetch, tmp_path: Path, content: bytes, media_type: str, words: str
) -> None:
    """A web page, also one that calls itself an archive, and nothing at all are told apart from a file."""
    server.content, server.media_type = content, media_type
    with pytest.raises(LinkFailedError, match=words):
        fetch()
    assert is_like_new(tmp_path)
    assert len(server.requests) == 1


def test_status_for_good(server: DownloadServer, fetch: Fetch) -> None:
    """What is not there is not asked for again."""
    server.acts = [Act(status=404)]
    with pytest.raises(LinkFailedError, match="status 404"):
        fetch()
    assert len(server.requests) == 1


def test_status_that_passes(server: DownloadServer, fetch: Fetch) -> None:
    """An overloaded server is asked again."""
    server.acts = [Act(status=503), Act(send_bytes=100_000), Act(status=429)]
    assert fetch().path.read_bytes() == CONTENT
    assert server.ranges == [None, None, range_from(100_000), range_from(100_000)]


def test_private_address(server: DownloadServer, fetch: Fetch) -> None:
    """No private address is contacted that is not allowed."""
    with pytest.raises(LinkRefusedError, match="private network"):
        fetch("http://127.0.0.1:9/birds.zip")
    assert server.requests == []


@pytest.mark.parametrize("acts", [[], [Act(send_bytes=100_000)]], ids=["at first", "after a break"])
def test_redirect_to_a_private_address(server: DownloadServer, fetch: Fetch, acts: list[Act]) -> None:
    """Each redirect is checked, also that of a later try."""
    server.acts = [*acts, Act(redirect="http://10.0.0.1/secret.zip")]
    with pytest.raises(LinkRefusedError, match=r"leads on to another address.*private network"):
        fetch()


def test_redirect_to_a_file(server: DownloadServer, fetch: Fetch) -> None:
    """After a redirect the name and address are those of the file."""
    server.acts = [Act(redirect="/archives/tits.zip")]
    found = fetch()
    assert (found.name, found.url) == ("tits.zip", server.url("/archives/tits.zip"))


def test_more_than_the_disk_holds(server: DownloadServer, fetch: Fetch) -> None:
    """A file that cannot fit is refused before it fills the disk."""
    server.acts = [Act(announced_bytes=10**16, send_bytes=10)]
    with pytest.raises(NoSpaceError, match="MB free"):
        fetch(max_bytes=10**17)


def test_cancelled(server: DownloadServer, fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    """A wish to stop is honoured while the server is silent and in the pause before the next try."""
    server.acts = [Act(send_bytes=100_000, then="stall")]
    began = time.monotonic()
    with pytest.raises(LinkFailedError, match="was stopped"):
        fetch(cancelled=lambda: len(server.requests) > 0)
    monkeypatch.setattr(downloads, "RETRY_PAUSE_SECONDS", (60.0,))
    server.acts = [Act(status=503)]
    num_before = len(server.requests)
    with pytest.raises(LinkFailedError, match="was stopped"):
        fetch(cancelled=lambda: len(server.requests) > num_before and not server.acts)
    assert time.monotonic() - began < 60
