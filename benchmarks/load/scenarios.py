"""What is measured: how many visitors do what, for how long."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from benchmarks.load.beside import cancel_trainings, long_trainings
from benchmarks.load.coming_in import hold_class
from benchmarks.load.lesson import hold_lesson
from benchmarks.load.notes import Notes, spread
from benchmarks.load.server import Server, Usage
from benchmarks.load.visitors import (
    CLASSIFY,
    Behaviour,
    Visitor,
    World,
    begin_training,
    classify_again_and_again,
    come,
    go_through_pages,
    watch,
)

LESSON = "lesson"  # its pupils come in by themselves
NUM_TRAINING = 10  # visitors who begin a training at the same time
NUM_MANY = 2_000  # photos of the one who has many
_ARRIVAL_SECONDS = 3.0  # within which visitors come, before anything is measured
_LOOKING_ON_SECONDS = (0.0, 4.0)  # within which the others have heard that a training has begun
_LEAVING_SECONDS = 3.0  # after which the server has noticed that they have left


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """How much is asked of a server."""

    num_visitors: int
    seconds: float  # of each scenario
    photos: Sequence[bytes]
    num_many: int = NUM_MANY
    num_spaces: int = 0  # in which the visitors are; 0: all have one
    data: Path | None = None  # photos of two classes, for a lesson


@dataclass(slots=True, kw_only=True)
class Measured:
    """What came of a scenario."""

    notes: Notes
    usage: Usage
    extra: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The figures as they are printed."""
        notes = self.notes
        return {
            **spread(notes.rerun_ms, "rerun"),
            **spread(notes.answer_ms, "answer"),
            **spread(notes.renewal_ms, "renewal"),
            **self.extra,
            "num_reruns": len(notes.rerun_ms),
            "num_answers": len(notes.answer_ms),
            "num_renewals": len(notes.renewal_ms),
            "num_ticks": notes.num_ticks,
            "num_requests": notes.num_requests,
            "megabytes_of_messages": round(notes.num_bytes / 1e6, 1),
            "server_cores": round(self.usage.cores, 3),
            "server_megabytes": round(self.usage.peak_megabytes, 1),
            "errors": notes.errors.total(),
            "error_kinds": dict(notes.errors),
        }


Scenario = Callable[[Server, Load], Coroutine[Any, Any, Measured]]


@asynccontextmanager
async def _visited(world: World, behaviours: Sequence[Behaviour], first: int = 0) -> AsyncIterator[None]:
    """Visitors who come one after the other and leave at the end of the context; `first` is the number of the first."""
    tasks = []
    for number, behaviour in enumerate(behaviours, first):
        tasks.append(asyncio.create_task(come(world, behaviour, number)))
        await asyncio.sleep(_ARRIVAL_SECONDS / len(behaviours))
    try:
        yield
        for task in tasks:
            if task.done() and not task.cancelled():
                task.result()  # a bug of the visitor's ends the measurement
    finally:
        world.notes.is_closed = True
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.sleep(_LEAVING_SECONDS)


def _world(server: Server, load: Load) -> World:
    return World(url=server.url, guests=server.guests, photos=load.photos, notes=Notes())


async def _all_alike(server: Server, load: Load, behaviour: Behaviour) -> Measured:
    world = _world(server, load)
    async with _visited(world, [behaviour] * load.num_visitors), server.measured() as usage:
        await asyncio.sleep(load.seconds)
    return Measured(notes=world.notes, usage=usage)


async def pages(server: Server, load: Load) -> Measured:
    """All go from page to page."""
    return await _all_alike(server, load, go_through_pages)


async def classify(server: Server, load: Load) -> Measured:
    """Each has a photo classified every few seconds."""
    return await _all_alike(server, load, classify_again_and_again)


async def watch_trainings(server: Server, load: Load) -> Measured:
    """All look at one training; where each has a space, at their own, of which one goes on and the others wait."""
    world = _world(server, load)
    with long_trainings(server.settings, server.guests) as run_ids:
        behaviours = [watch(run_ids[number % len(run_ids)]) for number in range(load.num_visitors)]
        async with _visited(world, behaviours), server.measured() as usage:
            await asyncio.sleep(load.seconds)
    measured = Measured(notes=world.notes, usage=usage)
    measured.extra["watch_cores"] = round(measured.usage.cores, 3)
    return measured


async def train_together(server: Server, load: Load) -> Measured:
    """Some begin a training at the same time; the others look at the first of them, or at one of their own."""
    world = _world(server, load)
    first: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def begin(visitor: Visitor) -> None:
        query = await begin_training(visitor)
        if not first.done():
            first.set_result(query)

    async def look_on(visitor: Visitor) -> None:
        address = await first
        if len(server.guests) > 1:
            address = f"run={visitor.contents.run_ids[0]}"  # of another space's nothing can be seen
        await visitor.think(_LOOKING_ON_SECONDS)
        await visitor.tab.open("train", address)

    num_training = min(NUM_TRAINING, load.num_visitors)
    behaviours = [begin] * num_training + [look_on] * (load.num_visitors - num_training)
    async with server.measured() as usage, _visited(world, behaviours):
        await asyncio.sleep(load.seconds)
    await asyncio.to_thread(cancel_trainings, server.settings)
    return Measured(notes=world.notes, usage=usage)


async def one_with_many(server: Server, load: Load) -> Measured:
    """One has thousands of photos, the others one each: how much longer do these take than without the thousands?"""
    async with server.measured() as usage:
        alone = await _single_photos(server, load, num_many=0)
        beside = await _single_photos(server, load, num_many=load.num_many)
    before, after = spread(alone.answer_ms, "answer"), spread(beside.answer_ms, "answer")
    extra: dict[str, Any] = {f"{name}_without": value for name, value in before.items()}
    extra |= {name.replace("answer", "delay"): round(after[name] - before[name], 1) for name in before if name in after}
    return Measured(notes=replace(beside, errors=alone.errors + beside.errors), usage=usage, extra=extra)


async def _single_photos(server: Server, load: Load, *, num_many: int) -> Notes:
    """One photo of each visitor, at some time in half of the seconds; beside somebody whose many have just come."""
    world = _world(server, load)
    may_begin, answered = asyncio.Event(), asyncio.Semaphore(0)

    async def bring_one(visitor: Visitor) -> None:
        await visitor.tab.open(CLASSIFY)
        await may_begin.wait()
        await visitor.think((0.0, load.seconds / 2))
        await visitor.classify()
        answered.release()

    async def bring_many(visitor: Visitor) -> None:
        await visitor.tab.open(CLASSIFY)
        await visitor.bring(num_many, on_last=may_begin.set)

    num_single = max(1, load.num_visitors - 1)
    many = replace(world, notes=Notes())  # what they take is not what is measured
    # The others are others: where each has a space, who has brought so many may bring no more.
    async with _visited(many, [bring_many] if num_many else []), _visited(world, [bring_one] * num_single, first=1):
        if not num_many:
            may_begin.set()
        for _ in range(num_single):
            await answered.acquire()
    return replace(world.notes, errors=world.notes.errors + many.notes.errors)


async def lesson(server: Server, load: Load) -> Measured:
    """A class comes in, collects photos, trains together, and tries the models of neighbours."""
    notes = Notes()
    usage, figures = await hold_lesson(server, notes, load.num_visitors, load.data)
    return Measured(notes=notes, usage=usage, extra=figures)


async def let_in(server: Server, load: Load) -> None:
    """Have a class in, of as many as there are spaces, each with what the teacher hands out; once for a server."""
    if not server.guests:
        server.guests.extend(await hold_class(server, load.num_spaces))


SCENARIOS: MappingProxyType[str, Scenario] = MappingProxyType(
    {
        "pages": pages,
        "watch": watch_trainings,
        "classify": classify,
        "one_with_many": one_with_many,
        "train": train_together,
        LESSON: lesson,
    }
)
