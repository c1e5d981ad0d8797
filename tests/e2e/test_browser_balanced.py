"""Two page servers on one PostgreSQL behind Debian's nginx, with the configuration of the documentation."""

import http.client
import json
import signal
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect
from sqlalchemy import select

from core.settings import Settings
from core.storage.db import open_database
from core.storage.schema import ClassifyBatch
from tests.conftest import POSTGRESQL_PROGRAMS, link_backbones
from tests.e2e.classify_page import ClassifyPage
from tests.e2e.conftest import OpenTab
from tests.e2e.front_server import FrontServer, balancing_server
from tests.e2e.photos import sample, slow_photos
from tests.e2e.running_app import STOP_TIMEOUT_SECONDS, RunningApp, free_port, running_app
from tests.postgresql_server import PostgreSQLServer
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(POSTGRESQL_PROGRAMS is None, reason="needs PostgreSQL: it is not installed")

NUM_PHOTOS = 16
_BOUNDARY = "a-line-between-parts"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two servers by port, and nginx in front of them."""

    settings: Settings
    apps: dict[int, RunningApp]
    stacks: dict[int, ExitStack]  # which end each
    root: FrontServer
    below: FrontServer  # below a path

    def start(self, port: int) -> None:
        """Begin a server."""
        running = running_app(self.settings, port=port, log_name=f"server-{port}.log")
        self.apps[port] = self.stacks[port].enter_context(running)

    def other(self, port: int) -> int:
        """The port of the other one."""
        return next(each for each in self.apps if each != port)


class SlowUpload:
    """A file on its way from a page, whose second half comes later."""

    def __init__(self, visited: ClassifyPage, path: Path) -> None:
        self._page, held = visited.page, []
        self._page.route("**/_stcore/upload_file/**", lambda route: held.append(route))
        visited.upload(path)
        wait_until(lambda: self._page.wait_for_timeout(10) or held)
        self._route: Route = held[0]
        head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="file"; filename="{path.name}"\r\n'
        body = f"{head}Content-Type: image/png\r\n\r\n".encode() + path.read_bytes()
        body += f"\r\n--{_BOUNDARY}--\r\n".encode()
        address = urllib.parse.urlsplit(self._route.request.url)
        self._connection = http.client.HTTPConnection(address.netloc)
        headers = {**self._route.request.all_headers(), "content-length": str(len(body))}
        headers["content-type"] = f"multipart/form-data; boundary={_BOUNDARY}"
        self._connection.putrequest("PUT", address.path, skip_host=True, skip_accept_encoding=True)
        for name, value in headers.items():
            self._connection.putheader(name, value)
        self._connection.endheaders(body[: len(body) // 2])
        self._rest = body[len(body) // 2 :]

    def finish(self) -> None:
        """Send the rest, and tell the page what the server answers."""
        self._connection.send(self._rest)
        answer = self._connection.getresponse()
        self._route.fulfill(status=answer.status)
        self._connection.close()
        assert answer.status == 204


@pytest.fixture(scope="module")
def pair(
    postgresql: PostgreSQLServer, prepared_cache: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pair]:
    """Both begin at the same moment, on a database without tables."""
    settings = Settings(
        workspace_dir=tmp_path_factory.mktemp("pair") / "workspace",
        database_url=postgresql.new_database(),
        access="open",
        max_workers=0,
        inference_threads=1,  # so that photos take long enough
        stop_wait_seconds=60.0,
    )
    link_backbones(prepared_cache, settings)
    ports = [free_port(), free_port()]
    with ExitStack() as whole:
        stacks = {port: whole.enter_context(ExitStack()) for port in ports}
        root, below = (
            whole.enter_context(balancing_server(ports, tmp_path_factory.mktemp("nginx") / "run", path=path))
            for path in ("/", "/photos/")
        )
        made = Pair(settings=settings, apps={}, stacks=stacks, root=root, below=below)
        with ThreadPoolExecutor(2) as both:
            list(both.map(made.start, ports))
        yield made


def readiness(port: int) -> tuple[int, str | None]:
    """What a server says to whoever watches over it: the status, and what is missing."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/bluetit/ready", timeout=10) as answer:
            return answer.status, json.load(answer)["missing"]
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)["missing"]


def test_a_visitor_whose_server_is_killed_finds_everything(pair: Pair, open_tab: OpenTab) -> None:
    """Photos and answers are there after a reload, at the other server, below a path; when the first is back, too."""
    assert [readiness(port) for port in pair.apps] == [(200, None), (200, None)]
    visited = ClassifyPage(open_tab(may_fail=True), pair.below.url)
    visited.open()
    visited.upload(sample("Cat"), sample("Coffee"))
    visited.expect_answered(2)
    told = visited.top_five(sample("Cat").name)
    port = pair.below.port_of("/bluetit/answers/")
    killed = pair.apps[port].process
    killed.kill()
    killed.wait()

    visited.page.reload()
    visited.expect_answered(2)
    assert visited.top_five(sample("Cat").name) == told
    expect(visited.card(sample("Cat").name).locator("img").first).to_be_visible()
    visited.upload(sample("Rocket"))
    visited.expect_answered(3)
    assert pair.below.port_of("/bluetit/answers/") == pair.other(port)

    pair.start(port)
    visited.page.reload()
    visited.expect_answered(3)
    wait_until(lambda: pair.below.port_of("/bluetit/answers/") == port)
    visited.upload(sample("Coffee"))
    visited.expect_answered(4)


def test_a_server_that_is_replaced_finishes_what_it_has_begun(pair: Pair, open_tab: OpenTab, tmp_path: Path) -> None:
    """Told to stop, it is not ready, sends new visitors to the other, and takes the upload and the photos to their end;
    then the pages that were open go on at the other server by themselves."""
    visited = ClassifyPage(open_tab(may_fail=True, is_altered=True), pair.root.url)
    visited.open()
    visited.upload(*slow_photos(tmp_path, NUM_PHOTOS, side_px=3000))
    visited.expect_num_photos(NUM_PHOTOS)
    port = pair.root.port_of("/bluetit/answers/")
    upload = SlowUpload(visited, sample("Cat"))
    leaving = pair.apps[port].process
    leaving.send_signal(signal.SIGTERM)

    wait_until(lambda: readiness(port) == (503, "stopping"))
    newcomer = ClassifyPage(open_tab(may_fail=True), pair.root.url)
    cookie = next(each for each in visited.page.context.cookies() if each["name"] == "bluetit_visitor")
    newcomer.page.context.add_cookies([cookie])  # by which nginx sends them to the server that leaves
    newcomer.open()
    assert pair.root.port_of("/_stcore/health") in pair.apps
    assert leaving.poll() is None
    upload.finish()

    assert leaving.wait(STOP_TIMEOUT_SECONDS) == -signal.SIGTERM  # as uvicorn ends, in peace
    assert "Stopping, after" in pair.apps[port].log()
    visited.expect_answered(NUM_PHOTOS + 1, timeout_milliseconds=STOP_TIMEOUT_SECONDS * 1000)
    assert pair.root.port_of("/bluetit/answers/") == pair.other(port)
    pair.start(port)


def test_the_database_is_away_for_a_while(pair: Pair, postgresql: PostgreSQLServer, open_tab: OpenTab) -> None:
    """Photos are answered all the same, other pages say what is wrong, no server is ready; nothing is lost."""
    visited, other = (ClassifyPage(open_tab(may_fail=True), pair.root.url) for _ in range(2))
    for each in (visited, other):
        each.open()
    visited.upload(sample("Cat"))
    visited.expect_answered(1)
    with postgresql.away(pair.settings.database_url):
        assert [readiness(port) for port in pair.apps] == [(503, "database")] * 2
        visited.upload(sample("Coffee"))
        visited.expect_answered(2)
        other.go_to("Dataset")
        expect(other.page.get_by_text("The database of").first).to_be_visible()
        logs = [app.log() for app in pair.apps.values()]
        assert any("cannot be written down at present" in log for log in logs)
    wait_until(lambda: [readiness(port) for port in pair.apps] == [(200, None)] * 2)
    port = pair.root.port_of(f"/bluetit/answers/{visited.page.url.partition('photos=')[2][:22]}")
    wait_until(lambda: count_photos(pair.settings) >= 2)
    pair.apps[port].process.kill()
    pair.apps[port].process.wait()
    visited.page.reload()
    visited.expect_answered(2)
    other.go_to("Dataset")
    expect(other.page.get_by_role("heading", name="Teach it your own photos")).to_be_visible()


def count_photos(settings: Settings) -> int:
    """Of the batch that was written down last."""
    with closing(open_database(settings)) as database, database.read_session() as session:
        numbers = session.scalars(select(ClassifyBatch.num_photos).order_by(ClassifyBatch.seen_at)).all()
        return numbers[-1]
