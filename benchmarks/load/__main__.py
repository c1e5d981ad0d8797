"""How a server bears many visitors at once, who look at pages, classify photos and train.

    python -m benchmarks.load [--visitors 30] [--spaces 30] [--seconds 60] [--scenario NAME] [--images DIR] [--data DIR]
        [--workspace DIR] [--servers 2]

A server of its own is started, with a workspace of its own: the default network prepared, a dataset, two models. The
visitors are pupils of a class, each with a space: they come in by the door, and the teacher hands the dataset and the
models out to them. With `--spaces 0` nobody is asked who they are and all have one space, as before there were classes:
beside those figures, what spaces take can be told. The visitors speak Streamlit's protocol and ask the routes of
docs/routes.md, as browsers do, from this process; how much processor that takes the server's machine has to bear as
well. The scenarios, each for as many seconds:

- pages: all go from page to page, with 2 to 4 s of thought;
- watch: all look at their own trainings, of which one goes on and the others wait (without spaces: at one);
- classify: each has a photo classified every 4 to 8 s;
- one_with_many: each has one photo classified, without and with somebody beside who has brought 2,000; `delay_*` is the
  difference;
- train: ten begin a training at the same time, the others look on, or at a model of their own;
- lesson: a class comes in by the door, each collects 30 photos by phone and 30 by upload, all press *Train* at the same
  moment and look on, open the results, and have a photo answered by a neighbour's model; as long as it lasts.

A rerun lasts from a person's click until the page is there (a renewal is a page made anew because the training that it
shows has come into another state); an answer from the start of the upload until the classes
are with the visitor. `watch_cores` are processors that the server's process kept busy while all watched, without its
workers; `last_model_seconds` are those from the press of the button to the last model of a lesson, `most_places_apart`
how far the order in which models were done was from that in which they were asked for. `server_megabytes` is the most
that it had resident, `server_megabytes_after` what is left a while after the visitors. Errors are what pages show in
red, requests that fail, connections that are cut and answers that never come; the first of each kind is told on
standard error.

With `--servers 2` there are two page servers and a worker on a PostgreSQL of their own, behind nginx with
docs/nginx-balanced.conf, all on this machine; cores and megabytes are those of both page servers together.
"""

import argparse
import asyncio
import json
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.load.balanced import balanced_servers
from benchmarks.load.notes import spread
from benchmarks.load.scenarios import LESSON, SCENARIOS, Load, Measured, let_in
from benchmarks.load.server import Server, read_photos, running_server
from benchmarks.train import tell
from core.environment import load_settings
from core.errors import BluetitError

_OVER_ALL = ("watch_cores", "last_model_seconds", "most_places_apart")  # figures that one scenario alone has
_REST_SECONDS = 5.0  # after the last visitor, before memory is looked at once more


def main() -> None:
    """Run the benchmark and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, default=30, help="how many at once")
    parser.add_argument("--spaces", type=int, default=None, help="of how many pupils; default: one of each visitor")
    parser.add_argument("--seconds", type=float, default=60.0, help="of each scenario")
    parser.add_argument("--scenario", choices=list(SCENARIOS), action="append", help="this one alone; may be repeated")
    parser.add_argument("--images", type=Path, default=None, help="folder of JPEG photos to classify; default: samples")
    parser.add_argument("--data", type=Path, default=None, help="two folders of photos for a lesson; default: drawn")
    parser.add_argument("--workspace", type=Path, default=None, help="folder that is kept, and filled if it is new")
    parser.add_argument("--servers", type=int, choices=(1, 2), default=1, help="page servers, behind nginx if two")
    arguments = parser.parse_args()
    if arguments.servers > 1 and arguments.workspace is not None:
        parser.error("two servers have a database that is new each time: leave --workspace out")
    load = Load(
        num_visitors=arguments.visitors,
        seconds=arguments.seconds,
        photos=read_photos(arguments.images),
        num_spaces=arguments.visitors if arguments.spaces is None else arguments.spaces,
        data=arguments.data,
    )
    names = arguments.scenario or [name for name in SCENARIOS if load.num_spaces or name != LESSON]
    # Windows cannot delete a database file that a worker has just let go of.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        settings = replace(
            load_settings(),
            workspace_dir=(arguments.workspace or Path(folder)).resolve(),
            cache_dir=None,
            access="class" if load.num_spaces else "alone" if arguments.servers == 1 else "open",
        )
        running = running_server if arguments.servers == 1 else balanced_servers
        with running(settings) as server:
            print(json.dumps(asyncio.run(measure(server, load, names))))


async def measure(server: Server, load: Load, names: Sequence[str]) -> dict[str, Any]:
    """The figures of scenarios, one after the other, and over all of them."""
    measured: dict[str, Measured] = {}
    for name in names:
        if name != LESSON:
            await let_in(server, load)
        tell(f"{name}: {load.num_visitors} visitors, {load.seconds:.0f} s")
        measured[name] = await SCENARIOS[name](server, load)
    await asyncio.sleep(_REST_SECONDS)
    return summary(measured, server.megabytes())


def summary(measured: dict[str, Measured], megabytes_after: float) -> dict[str, Any]:
    """What is printed: figures over all scenarios, and those of each."""
    notes = [each.notes for each in measured.values()]
    return {
        **spread([each for note in notes for each in note.rerun_ms], "rerun"),
        **spread([each for note in notes for each in note.answer_ms], "answer"),
        **{name: value for each in measured.values() for name, value in each.extra.items() if name in _OVER_ALL},
        "server_megabytes": round(max(each.usage.peak_megabytes for each in measured.values()), 1),
        "server_megabytes_after": round(megabytes_after, 1),
        "errors": sum(note.errors.total() for note in notes),
        "scenarios": {name: each.to_json() for name, each in measured.items()},
    }


if __name__ == "__main__":
    try:
        main()
    except BluetitError as exc:
        raise SystemExit(str(exc)) from exc
