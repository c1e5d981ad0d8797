"""The server under load: a workspace with what visitors look at, and the app as a process of its own."""

import asyncio
import contextlib
import io
import socket
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psutil
from PIL import Image

from benchmarks.classify import wait_for_task
from benchmarks.train import import_photos, tell, train
from core.backbones.artefacts import load_artefact
from core.backbones.catalog import find_backbone
from core.config import TrainConfig
from core.datasets.sources.requests import DrawnShapes
from core.environment import to_environment
from core.errors import ArtefactDamagedError, ArtefactMissingError
from core.photos.samples import SAMPLE_PHOTOS, sample_path
from core.recipes import find_recipe
from core.runs.begin import NO_SNAPSHOT
from core.services import Services, open_services
from core.settings import Settings
from core.spaces.records import SpaceKind
from core.storage.schema import HOME_SPACE_ID

PROJECT_DIR = Path(__file__).resolve().parents[2]

_START_SECONDS = 300.0  # on a machine that has other things to do
STOP_SECONDS = 90.0  # a worker in the middle of a training finishes its epoch first
_POLL_SECONDS = 0.2
_SAMPLE_SECONDS = 0.5  # from one look at the server's memory to the next
_NUM_PHOTOS_PER_CLASS = 30
NUM_MODELS = 2  # which the pages of results and of comparisons show
_JPEG_QUALITY = 90


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What somebody has."""

    dataset_id: int
    run_ids: tuple[int, ...]  # finished


@dataclass(frozen=True, slots=True, kw_only=True)
class Guest:
    """A browser, with the space that it is let into."""

    secret: str | None  # its cookie; None: nobody is asked for one
    space_id: int
    contents: Contents


@dataclass(slots=True, kw_only=True)
class Usage:
    """What the servers' own processes, without workers, have used in a stretch of time."""

    seconds: float = 0.0
    processor_seconds: float = 0.0
    peak_megabytes: float = 0.0
    last_megabytes: float = 0.0

    @property
    def cores(self) -> float:
        """Processors that were busy with it, on average."""
        return self.processor_seconds / self.seconds if self.seconds else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """An app that answers at `url`."""

    url: str
    settings: Settings
    processes: tuple[psutil.Process, ...]  # each serves pages
    contents: Contents
    guests: list[Guest] = field(default_factory=list)  # who have come in by the door, or all as one
    usages: list[Usage] = field(default_factory=list)

    @asynccontextmanager
    async def measured(self) -> AsyncIterator[Usage]:
        """What the server uses within a context; filled in as time goes by."""
        usage = Usage()
        self.usages.append(usage)
        watching = asyncio.create_task(self._watch(usage))
        try:
            yield usage
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _watch(self, usage: Usage) -> None:
        started, before = time.monotonic(), self._processor_seconds()
        try:
            while True:
                usage.last_megabytes = self.megabytes()
                usage.peak_megabytes = max(usage.peak_megabytes, usage.last_megabytes)
                await asyncio.sleep(_SAMPLE_SECONDS)
        finally:
            usage.seconds = time.monotonic() - started
            usage.processor_seconds = self._processor_seconds() - before

    def megabytes(self) -> float:
        """Resident memory now."""
        return sum(float(each.memory_info().rss) for each in self.processes) / 1e6

    def _processor_seconds(self) -> float:
        times = [each.cpu_times() for each in self.processes]
        return sum(float(each.user + each.system) for each in times)


@contextmanager
def running_server(settings: Settings, *, num_models: int = NUM_MODELS) -> Iterator[Server]:
    """Fill the workspace, as far as it is empty, and run the app on it; see `fill`."""
    contents = fill(settings, num_models)
    tell("starting the server")
    log_path = settings.workspace_dir / "server.log"
    process, url = begin_app(settings, log_path)
    try:
        wait_until_healthy(url, process, log_path)
        yield served(url, settings, contents, process)
    finally:
        end_app(process)


def served(url: str, settings: Settings, contents: Contents, *processes: psutil.Process) -> Server:
    """Servers that answer at an address, before anybody has come."""
    everybody = Guest(secret=None, space_id=HOME_SPACE_ID, contents=contents)
    guests = [] if settings.access == "class" else [everybody]
    return Server(url=url, settings=settings, processes=processes, contents=contents, guests=guests)


def free_port() -> int:
    """A port of this machine on which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def begin_app(
    settings: Settings, log_path: Path, *, environment: Mapping[str, str] | None = None, port: int | None = None
) -> tuple[psutil.Popen, str]:
    """Begin the app as the README does, at an address of its own; the process, and that address.

    Args:
        settings: of the app.
        log_path: where it writes what it has to say.
        environment: further variables.
        port: on which it listens; None: one that is free.
    """
    port = free_port() if port is None else port
    options = ["--server.port", str(port), "--server.headless", "true"]
    command = ["streamlit", "run", "streamlit_app.py", *options]
    return begin_module(command, settings, log_path, environment=environment), f"http://localhost:{port}"


def begin_module(
    command: Sequence[str], settings: Settings, log_path: Path, *, environment: Mapping[str, str] | None = None
) -> psutil.Popen:
    """Begin a module of Python with settings; its process.

    Args:
        command: name of the module, and its arguments.
        settings: as it finds them in its environment.
        log_path: where it writes what it has to say.
        environment: further variables.
    """
    with log_path.open("wb") as log:
        return psutil.Popen(
            [sys.executable, "-m", *command],
            cwd=PROJECT_DIR,
            # Where a library crashes, the log says in which line it was called.
            env={
                **psutil.Process().environ(),
                "PYTHONFAULTHANDLER": "1",
                **to_environment(settings),
                **(environment or {}),
            },
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
        )


def wait_until_healthy(url: str, process: psutil.Popen, log_path: Path) -> None:
    """Wait until the app answers, and stop with its log when it does not."""
    give_up_at = time.monotonic() + _START_SECONDS
    while time.monotonic() < give_up_at and process.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            if httpx.get(f"{url}/_stcore/health", timeout=5).status_code == httpx.codes.OK:
                return
        time.sleep(_POLL_SECONDS)
    ending = "" if process.poll() is None else f", but ended with code {process.returncode}"
    raise SystemExit(f"The server has not started{ending}:\n{log_path.read_text(encoding='utf-8', errors='replace')}")


def end_app(process: psutil.Popen) -> None:
    """End an app as a person does, and wait for it and its workers."""
    children = process.children(recursive=True) if process.is_running() else []
    with contextlib.suppress(psutil.NoSuchProcess):  # it has not even started
        process.terminate()
    _, left = psutil.wait_procs([process, *children], timeout=STOP_SECONDS)
    for each in left:
        each.kill()


def fill(settings: Settings, num_models: int) -> Contents:
    """Prepare the default network, make a dataset and train models on it, unless the workspace has them.

    Where there is a class, all is the teacher's.
    """
    whole = open_services(settings)
    try:
        prepare(whole)
        services = _teachers(whole) if settings.access == "class" else whole.of_space(HOME_SPACE_ID)
        datasets = services.library.datasets.all()
        dataset_id = (
            datasets[0].id
            if datasets
            else import_photos(services, DrawnShapes(num_per_class=_NUM_PHOTOS_PER_CLASS), "load")
        )
        finished = [view.id for view in services.runs.list_runs() if view.outcome]
        while len(finished) < num_models:
            tell(f"training model {len(finished) + 1}")
            view, _ = train(services, dataset_id, default_config(services.settings, "quick"))
            finished.append(view.id)
        return Contents(dataset_id=dataset_id, run_ids=tuple(finished[:num_models]))
    finally:
        whole.close()


def _teachers(whole: Services) -> Services:
    classroom, _ = whole.classroom.hold()
    (teacher,) = (each for each in whole.spaces.of_classroom(classroom.id) if each.kind is SpaceKind.TEACHER)
    return whole.of_space(teacher.id)


def prepare(services: Services) -> None:
    """Have the default network prepared, unless it is."""
    backbone = find_backbone(services.settings.default_backbone)
    try:
        load_artefact(backbone, services.settings)
    except (ArtefactMissingError, ArtefactDamagedError):
        tell("preparing the network")
        wait_for_task(services, services.request_preparation(backbone))


def default_config(settings: Settings, recipe: str) -> TrainConfig:
    """What a recipe makes of the default network."""
    backbone = settings.default_backbone
    num_layers = len(load_artefact(find_backbone(backbone), settings).read_layers())
    return find_recipe(recipe).config(NO_SNAPSHOT, backbone=backbone, num_layers=num_layers)


def read_photos(folder: Path | None) -> list[bytes]:
    """The photos of a folder, or the samples that come with the app, as JPEG files."""
    if folder is None:
        return [_as_jpeg(sample_path(sample)) for sample in SAMPLE_PHOTOS]
    paths = sorted(path for path in folder.iterdir() if path.suffix.lower() in (".jpg", ".jpeg"))
    if not paths:
        raise SystemExit(f"{folder} has no JPEG photos.")
    return [path.read_bytes() for path in paths]


def _as_jpeg(path: Path) -> bytes:
    file = io.BytesIO()
    with Image.open(path) as image:
        image.convert("RGB").save(file, "JPEG", quality=_JPEG_QUALITY)
    return file.getvalue()


def made_unique(jpeg: bytes, mark: str) -> bytes:
    """The same photo as a file that nobody has seen: with a comment after its first marker."""
    comment = mark.encode()
    return jpeg[:2] + b"\xff\xfe" + (len(comment) + 2).to_bytes(2, "big") + comment + jpeg[2:]
