"""A lesson: pupils come in, collect photos, train together, look at what came of it, try a neighbour's model."""

import asyncio
import io
import secrets
import time
from collections.abc import Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from random import Random
from typing import Any

import httpx
from PIL import Image

from benchmarks.load.beside import Beside, beside
from benchmarks.load.coming_in import come_in_together, find_space
from benchmarks.load.notes import Notes
from benchmarks.load.server import Server, Usage
from benchmarks.load.tab import Tab
from benchmarks.load.visit import Visit
from benchmarks.load.wire import CutError
from benchmarks.train import tell
from core.datasets.samples.drawn_samples import CLASS_NAMES, draw_sample
from core.runs.records import RunStatus, RunView

NUM_PER_CLASS = 30  # photos of each pupil: those of one class come by phone, those of the other are uploaded
_SIDE_PX = 1024  # as phones make them
_JPEG_QUALITY = 85
_LEAST_PART = 0.8  # of a photo that a pupil's has of it, per side
_BURST_SECONDS = 0.2  # from one photo of a burst to the next
_THOUGHT_SECONDS = (0.0, 3.0)
_PAUSE_SECONDS = 1.0
_IMPORT_SECONDS = 300.0
_TRAINING_SECONDS = 1_800.0
_POLL_SECONDS = 0.5
_UPLOADED, _BY_PHONE = 0, 1  # which class comes how


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What one pupil takes photos of."""

    class_names: tuple[str, str]
    photos: tuple[tuple[bytes, ...], tuple[bytes, ...]]  # JPEG files of each class


@dataclass(slots=True, kw_only=True)
class Pupil:
    """Somebody in the lesson, and how far they are."""

    own: Beside
    tab: Tab
    material: Material
    chance: Random
    dataset_id: int = 0
    run_id: int = 0


Step = Callable[[Pupil], Coroutine[Any, Any, None]]


async def hold_lesson(server: Server, notes: Notes, num_pupils: int, data: Path | None) -> tuple[Usage, dict[str, Any]]:
    """Hold a lesson.

    Args:
        server: with a class.
        notes: what pupils meet.
        num_pupils: who come in by the door.
        data: folder with a folder of photos per class, of which two are taken; None: birds that are drawn.

    Returns:
        What the server used, and the lesson's own figures.
    """
    if server.settings.access != "class":
        raise SystemExit("A lesson needs spaces: leave --spaces away, or give as many as there are visitors.")
    tell("lesson: making photos")
    materials = await asyncio.to_thread(make_materials, data, num_pupils)
    figures: dict[str, Any] = {}
    async with server.measured() as usage, AsyncExitStack() as stack:
        whole = stack.enter_context(beside(server.settings))
        pupils = await _timed("join", figures, _come(server, notes, whole, materials, stack))
        lesson = _Lesson(server.url, notes, whole)
        await _timed("collect", figures, lesson.together(pupils, lesson.collect))
        await lesson.together(pupils, lesson.open_form)
        asked_at = time.time()
        await _timed("press", figures, lesson.together(pupils, lesson.press))
        tell("lesson: training")
        runs = await lesson.wait_for_models(pupils)
        done = [run for run in runs if run.status is RunStatus.DONE and run.finished_at is not None]
        figures["num_models"] = len(done)
        if done:
            figures["last_model_seconds"] = round(max(run.finished_at or 0.0 for run in done) - asked_at, 1)
            figures["most_places_apart"] = most_places_apart(
                [(run.task_id or 0, run.finished_at or 0.0) for run in done]
            )
        tell("lesson: results and neighbours")
        await _timed("results", figures, lesson.together(pupils, lesson.look_at_results))
        await _timed("neighbours", figures, lesson.try_neighbours(pupils))
        notes.is_closed = True
    return usage, figures


async def _timed(name: str, figures: dict[str, Any], work: Coroutine[Any, Any, Any]) -> Any:
    tell(f"lesson: {name}")
    started = time.monotonic()
    found = await work
    figures[f"{name}_seconds"] = round(time.monotonic() - started, 1)
    return found


async def _come(
    server: Server, notes: Notes, whole: Beside, materials: Sequence[Material], stack: AsyncExitStack
) -> list[Pupil]:
    pupils = []
    keys = await come_in_together(server, len(materials), notes)
    tabs = [Tab(server.url, notes, Visit(notes.answer_ms.append), secret) for secret in keys]
    await asyncio.gather(*(stack.enter_async_context(tab) for tab in tabs))
    for number, (secret, tab) in enumerate(zip(keys, tabs, strict=True)):
        own = whole.of_space(find_space(whole, secret))
        pupils.append(Pupil(own=own, tab=tab, material=materials[number], chance=Random(number)))
    return pupils


class _Lesson:
    """What pupils do, step by step."""

    def __init__(self, url: str, notes: Notes, whole: Beside) -> None:
        self._url = url
        self._notes = notes
        self._whole = whole

    async def together(self, pupils: Sequence[Pupil], step: Step) -> None:
        """All take a step at once; who fails at it is counted, and the others go on."""

        async def take(pupil: Pupil) -> None:
            try:
                await step(pupil)
            except (CutError, httpx.HTTPError) as exc:
                self._notes.fail(f"lesson {step.__name__}", f"{type(exc).__name__}: {exc}")

        await asyncio.gather(*(take(pupil) for pupil in pupils))

    async def collect(self, pupil: Pupil) -> None:
        """Make a dataset, take photos of one class with a phone, upload those of the other, and wait for all."""
        await asyncio.sleep(pupil.chance.uniform(*_THOUGHT_SECONDS))
        await pupil.tab.open("dataset")
        token = await asyncio.to_thread(_make_dataset, pupil)
        await pupil.tab.open("dataset", f"dataset={pupil.dataset_id}&section=Collect")
        phone = asyncio.create_task(self._photograph(token, pupil.material.photos[_BY_PHONE]))
        try:
            names = [f"{pupil.material.class_names[_UPLOADED]}-{number}.jpg" for number in range(NUM_PER_CLASS)]
            files = list(zip(names, pupil.material.photos[_UPLOADED], strict=True))
            await pupil.tab.upload(files, on_start=lambda _: None, into="Drop photos of")
        finally:
            await phone
        give_up_at = time.monotonic() + _IMPORT_SECONDS
        while (num_photos := await asyncio.to_thread(_num_photos, pupil)) < 2 * NUM_PER_CLASS:
            if time.monotonic() > give_up_at:
                self._notes.fail("photos", f"{num_photos} of {2 * NUM_PER_CLASS} photos came.")
                return
            await asyncio.sleep(_POLL_SECONDS)

    async def _photograph(self, token: str, photos: Sequence[bytes]) -> None:
        """Hold the button of a phone, whose browser knows nothing but its link."""
        burst = secrets.token_hex(16)
        async with httpx.AsyncClient(base_url=self._url, timeout=60, verify=False) as phone:
            headers = {"X-Phone-Link": token, "Sec-Fetch-Site": "same-origin"}
            for address in ("/bluetit/phone", "/bluetit/phone/link"):
                self._note(await phone.get(address, headers=headers), address)
            for photo in photos:
                taken_at = time.monotonic()
                sent = {**headers, "Content-Type": "image/jpeg", "X-Photo": secrets.token_hex(16), "X-Burst": burst}
                while True:
                    answer = await phone.post("/bluetit/phone/photos", headers=sent, content=photo)
                    if answer.status_code not in (HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.TOO_MANY_REQUESTS):
                        break
                    await asyncio.sleep(float(answer.headers.get("Retry-After", _PAUSE_SECONDS)))
                self._note(answer, "a photo of a phone")
                await asyncio.sleep(max(0.0, taken_at + _BURST_SECONDS - time.monotonic()))

    def _note(self, answer: httpx.Response, what: str) -> httpx.Response:
        self._notes.num_requests += 1
        if answer.is_error:
            self._notes.fail(f"lesson {answer.status_code}", f"{what}: {answer.text}")
        return answer

    async def open_form(self, pupil: Pupil) -> None:
        """Look at what can be trained."""
        await asyncio.sleep(pupil.chance.uniform(*_THOUGHT_SECONDS))
        await pupil.tab.open("train")

    async def press(self, pupil: Pupil) -> None:
        """Begin a training with what the form offers, which is *quick*, and look on."""
        await pupil.tab.press("Train")
        found = await asyncio.to_thread(pupil.own.runs.list_runs)
        if len(found) != 1:
            self._notes.fail("not begun", f"{len(found)} trainings were begun instead of one.")
            return
        pupil.run_id = found[0].id

    async def wait_for_models(self, pupils: Sequence[Pupil]) -> list[RunView]:
        """The runs of all pupils once none is active any more."""
        give_up_at = time.monotonic() + _TRAINING_SECONDS
        asked = {pupil.run_id for pupil in pupils if pupil.run_id}
        while True:
            runs = [run for run in await asyncio.to_thread(self._whole.runs.list_runs) if run.id in asked]
            if not any(run.is_active for run in runs) or time.monotonic() > give_up_at:
                break
            await asyncio.sleep(_POLL_SECONDS)
        for run in runs:
            if run.status is not RunStatus.DONE:
                self._notes.fail("training", f"Run {run.id} is {run.status}: {run.error}")
        return runs

    async def look_at_results(self, pupil: Pupil) -> None:
        """Open the page of one's own model's results."""
        await asyncio.sleep(pupil.chance.uniform(*_THOUGHT_SECONDS))
        await pupil.tab.open("results", f"run={pupil.run_id}")

    async def try_neighbours(self, pupils: Sequence[Pupil]) -> None:
        """Each lets the one beside try the own model."""
        offered = [pupil for pupil in pupils if pupil.run_id]
        tokens = [(await asyncio.to_thread(pupil.own.offers.offer, pupil.run_id)).token for pupil in offered]
        beside_whom = dict(zip(map(id, offered), [*tokens[1:], *tokens[:1]], strict=True))

        async def try_one(pupil: Pupil) -> None:
            await asyncio.sleep(pupil.chance.uniform(*_THOUGHT_SECONDS))
            await self._try(pupil, f"bluetit/try/{beside_whom[id(pupil)]}")

        await self.together(offered, try_one)

    async def _try(self, pupil: Pupil, address: str) -> None:
        await pupil.tab.ask(address)
        await pupil.tab.ask(f"{address}/about")
        photo = pupil.chance.choice(pupil.material.photos[_UPLOADED])
        started = time.perf_counter()
        answer = await pupil.tab.send("POST", f"{address}/answer", photo)
        self._notes.answer_ms.append(1000 * (time.perf_counter() - started))
        if not answer.is_error:
            await pupil.tab.send("POST", f"{address}/verdict", b"right")


def _make_dataset(pupil: Pupil) -> str:
    """A dataset with two classes; what stands in the address of a link into the one that comes by phone."""
    dataset = pupil.own.library.datasets.create("My photos", pupil.material.class_names)
    pupil.dataset_id = dataset.id
    classes = pupil.own.library.classes.of(dataset.id)
    links = pupil.own.phone_links
    token = links.token_of(links.open(classes[_BY_PHONE].id).id)
    if token is None:
        raise SystemExit("The link of a phone has gone.")
    return token


def _num_photos(pupil: Pupil) -> int:
    return pupil.own.library.datasets.get(pupil.dataset_id).num_images


def most_places_apart(runs: Sequence[tuple[int, float]]) -> int:
    """How far, at most, a place among what was done is from the place among what was asked for; 0: the same order.

    Args:
        runs: the number of the task of each, which says when it came into the queue, and the time at which it was done.
    """
    asked = sorted(number for number, _ in runs)
    done = [number for number, _ in sorted(runs, key=lambda run: run[1])]
    return max((abs(place - done.index(number)) for place, number in enumerate(asked)), default=0)


def make_materials(data: Path | None, num_pupils: int) -> list[Material]:
    """Photos of each pupil, which nobody else has."""
    pictures = None if data is None else _read_pictures(data)
    with ThreadPoolExecutor() as threads:
        return list(threads.map(lambda number: _make_material(pictures, number), range(num_pupils)))


def _read_pictures(data: Path) -> dict[str, list[Path]]:
    folders = sorted(path for path in data.iterdir() if path.is_dir())[:2]
    found = {folder.name: sorted(folder.glob("*.jp*g")) for folder in folders}
    if len(found) < 2 or any(len(paths) < NUM_PER_CLASS for paths in found.values()):
        raise SystemExit(f"{data} needs two folders with {NUM_PER_CLASS} JPEG photos each.")
    return found


def _make_material(pictures: dict[str, list[Path]] | None, number: int) -> Material:
    chance = Random(number)
    names = tuple(pictures or CLASS_NAMES)[:2]
    made = []
    for name in names:
        if pictures is None:
            images = [draw_sample(name, seed=number, number=each) for each in range(NUM_PER_CLASS)]
        else:
            images = [_opened(path) for path in chance.sample(pictures[name], NUM_PER_CLASS)]
        made.append(tuple(_as_taken(image, chance) for image in images))
    return Material(class_names=(names[0], names[1]), photos=(made[0], made[1]))


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def _as_taken(image: Image.Image, chance: Random) -> bytes:
    """A part of a picture, in the size and the format in which a phone sends it."""
    width, height = (round(side * chance.uniform(_LEAST_PART, 1.0)) for side in image.size)
    left, top = chance.randint(0, image.width - width), chance.randint(0, image.height - height)
    scale = _SIDE_PX / max(width, height)
    size = (round(width * scale), round(height * scale))
    file = io.BytesIO()
    image.resize(size, box=(left, top, left + width, top + height)).save(file, "JPEG", quality=_JPEG_QUALITY)
    return file.getvalue()
