"""What visitors do; each is a loop that ends when it is cancelled."""

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

from benchmarks.load.notes import Notes
from benchmarks.load.server import Contents, Guest, made_unique
from benchmarks.load.tab import Tab
from benchmarks.load.visit import Visit
from benchmarks.load.wire import CutError

CLASSIFY = ""  # last part of the page's address: it is the first page
ANSWER_TIMEOUT_SECONDS = 60.0
_READING_SECONDS = (2.0, 4.0)  # least and most, on each page
_BETWEEN_PHOTOS_SECONDS = (4.0, 8.0)
_PAUSE_SECONDS = 1.0  # before somebody whose connection was cut comes again

_numbers = itertools.count(1)  # of photos: no two have the same name


@dataclass(frozen=True, slots=True, kw_only=True)
class World:
    """What all visitors of a scenario have in common."""

    url: str
    guests: Sequence[Guest]  # who visitors are; where there are more visitors, some are the same
    photos: Sequence[bytes]  # JPEG files
    notes: Notes


@dataclass(slots=True, kw_only=True)
class Visitor:
    """Somebody with a tab open."""

    world: World
    contents: Contents  # of the space that they are in
    tab: Tab
    visit: Visit
    chance: Random

    async def think(self, seconds: tuple[float, float]) -> None:
        """Wait for a while between least and most."""
        await asyncio.sleep(self.chance.uniform(*seconds))

    async def classify(self) -> None:
        """Upload a photo that nobody has seen, and wait for its classes."""
        ((name, data),) = self._files(1)
        await self.tab.upload([(name, data)], on_start=self.visit.begin)
        if not await self.visit.wait_for(name, ANSWER_TIMEOUT_SECONDS):
            self.world.notes.fail("no answer", f"{name} was not answered within {ANSWER_TIMEOUT_SECONDS:.0f} s.")

    async def bring(self, num_photos: int, *, on_last: Callable[[], None]) -> None:
        """Upload many photos at once; `on_last` is called when the last one is on its way."""
        files = self._files(num_photos)
        await self.tab.upload(files, on_start=lambda name: on_last() if name == files[-1][0] else None)

    def _files(self, num_photos: int) -> list[tuple[str, bytes]]:
        """Names and contents of photos."""
        photos = self.world.photos
        numbers = list(itertools.islice(_numbers, num_photos))
        names = {number: f"photo-{number}.jpg" for number in numbers}
        return [(name, made_unique(photos[number % len(photos)], name)) for number, name in names.items()]


Behaviour = Callable[[Visitor], Coroutine[Any, Any, None]]


async def come(world: World, behaviour: Behaviour, number: int) -> None:
    """Open a tab and behave; once more from the beginning where the connection is cut."""
    chance = Random(number)
    guest = world.guests[number % len(world.guests)]
    while True:
        visit = Visit(world.notes.answer_ms.append)
        try:
            async with Tab(world.url, world.notes, visit, guest.secret) as tab:
                await behaviour(Visitor(world=world, contents=guest.contents, tab=tab, visit=visit, chance=chance))
                await asyncio.Event().wait()  # stays, and looks on
        except CutError:
            await asyncio.sleep(_PAUSE_SECONDS)


async def go_through_pages(visitor: Visitor) -> None:
    """From page to page, each time with what is open there, with some thought in between."""
    dataset_id, run_ids = visitor.contents.dataset_id, visitor.contents.run_ids
    places = [
        (CLASSIFY, ""),
        ("dataset", f"dataset={dataset_id}"),
        ("train", ""),
        ("train", f"run={run_ids[0]}"),
        ("results", f"run={run_ids[-1]}"),
        ("compare", f"runs={','.join(map(str, run_ids))}"),
        ("backbones", ""),
    ]
    offset = visitor.chance.randrange(len(places))
    for page, query in itertools.cycle(places[offset:] + places[:offset]):
        await visitor.tab.open(page, query)
        await visitor.think(_READING_SECONDS)


async def classify_again_and_again(visitor: Visitor) -> None:
    """A photo, its answer, a while of looking at it, the next photo."""
    await visitor.tab.open(CLASSIFY)
    while True:
        await visitor.think(_BETWEEN_PHOTOS_SECONDS)
        await visitor.classify()


def watch(run_id: int) -> Behaviour:
    """Look at one training."""

    async def behave(visitor: Visitor) -> None:
        await visitor.tab.open("train", f"run={run_id}")

    return behave


async def begin_training(visitor: Visitor) -> str:
    """Begin a training with what the form offers; the address of its page."""
    await visitor.tab.open("train")
    await visitor.tab.press("Train")
    return visitor.tab.query
