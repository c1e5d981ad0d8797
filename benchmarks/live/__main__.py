"""How often a second a server answers live cameras, and how long a frame takes.

    python -m benchmarks.live [--viewers 1] [--seconds 20] [--network NAME] [--browser] [--images DIR] [--workspace DIR]

A server of its own is started, with a workspace of its own. From this process each viewer sends frames as the page
does: one at a time, the next when the answer is there, at most fifteen a second; frames are photos that pan a little
from one to the next, as small as the page makes them. With `--browser` the viewer is one, a real Chromium with its
fake camera, and a frame lasts from being taken to its bars being drawn.

`answers_per_second` has a number for each viewer; `dropped` are frames that the server left out because so many watch;
`server_cores` and `server_megabytes` are of the server's process.
"""

import argparse
import asyncio
import json
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.live.browser import watch_in_browser
from benchmarks.live.viewers import Viewer, view_all
from benchmarks.load.notes import Notes, spread
from benchmarks.load.server import Server, read_photos, running_server
from benchmarks.train import tell
from core.environment import load_settings
from core.errors import BluetitError


def main() -> None:
    """Run the benchmark and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--viewers", type=int, default=1, help="how many at once")
    parser.add_argument("--seconds", type=float, default=20.0, help="for how long")
    parser.add_argument("--network", default="EfficientNetLite0", help="name in the catalogue")
    parser.add_argument("--browser", action="store_true", help="one viewer, in a real browser with a fake camera")
    parser.add_argument("--images", type=Path, default=None, help="folder of JPEG photos to show; default: samples")
    parser.add_argument("--workspace", type=Path, default=None, help="folder that is kept, and filled if it is new")
    arguments = parser.parse_args()
    photos = read_photos(arguments.images)
    # Windows cannot delete a database file that a worker has just let go of.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        workspace = (arguments.workspace or Path(folder)).resolve()
        settings = replace(load_settings(), workspace_dir=workspace, cache_dir=None, default_backbone=arguments.network)
        with running_server(settings, num_models=0) as server:
            tell(f"{'a browser' if arguments.browser else f'{arguments.viewers} viewers'}, {arguments.seconds:.0f} s")
            if arguments.browser:
                found = asyncio.run(measure_browser(server, arguments.seconds))
            else:
                found = asyncio.run(measure(server, photos, arguments.viewers, arguments.seconds))
            print(json.dumps(found))


async def measure(server: Server, photos: list[bytes], num_viewers: int, seconds: float) -> dict[str, Any]:
    """The figures of viewers in this process."""
    notes = Notes()
    async with server.measured() as usage:
        viewers = await view_all(server.url, server.settings.default_backbone, photos, num_viewers, seconds, notes)
    return {
        **figures(viewers, seconds),
        "server_cores": round(usage.cores, 3),
        "server_megabytes": round(usage.peak_megabytes, 1),
        "errors": notes.errors.total(),
    }


async def measure_browser(server: Server, seconds: float) -> dict[str, Any]:
    """The figures of a viewer in a real browser."""
    async with server.measured() as usage:
        milliseconds = await watch_in_browser(server.url, seconds)
    return {
        **figures([Viewer(milliseconds=milliseconds)], seconds),
        "server_cores": round(usage.cores, 3),
        "server_megabytes": round(usage.peak_megabytes, 1),
    }


def figures(viewers: list[Viewer], seconds: float) -> dict[str, Any]:
    """What is told of the viewers."""
    times = [each for viewer in viewers for each in viewer.milliseconds]
    return {
        "answers_per_second": [round(len(viewer.milliseconds) / seconds, 2) for viewer in viewers],
        **{name.removeprefix("frame_"): value for name, value in spread(times, "frame").items()},
        "dropped": sum(viewer.num_dropped for viewer in viewers),
    }


if __name__ == "__main__":
    try:
        main()
    except BluetitError as exc:
        raise SystemExit(str(exc)) from exc
