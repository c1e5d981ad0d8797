"""How long somebody waits for the first answer of all, on a computer that has never run the app.

    python -m benchmarks.first_photo [--starts N]

Each start has an empty workspace. The app is started as the README says, a visitor opens the classify page as soon as
the server answers, and gives a photo. `from_start_seconds` begins with the command, `from_photo_seconds` with the
upload; of several starts, the median.
"""

import argparse
import asyncio
import json
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.load.notes import Notes
from benchmarks.load.server import begin_app, end_app, read_photos, wait_until_healthy
from benchmarks.load.tab import Tab
from benchmarks.load.visit import Visit
from benchmarks.train import tell
from core.environment import load_settings

_ANSWER_SECONDS = 300.0
_FILE_NAME = "photo.jpg"


def main() -> None:
    """Run the benchmark and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=3)
    starts = parser.parse_args().starts
    figures = [_measure() for _ in range(starts)]
    medians = {name: round(statistics.median(each[name] for each in figures), 2) for name in figures[0]}
    print(json.dumps({"starts": starts, **medians}))


def _measure() -> dict[str, float]:
    """Seconds of one start."""
    with tempfile.TemporaryDirectory(prefix="bluetit-first-") as folder:
        settings = replace(load_settings(), workspace_dir=Path(folder), cache_dir=None, database_url="")
        started = time.perf_counter()
        log_path = Path(folder) / "server.log"
        process, url = begin_app(settings, log_path)
        try:
            wait_until_healthy(url, process, log_path)
            healthy = time.perf_counter()
            asked = asyncio.run(_give_photo(url))
        finally:
            end_app(process)
    ended = asked[1]
    tell(f"answered {ended - started:.1f} s after the start")
    return {
        "server_seconds": healthy - started,
        "from_photo_seconds": ended - asked[0],
        "from_start_seconds": ended - started,
    }


async def _give_photo(url: str) -> tuple[float, float]:
    """When a photo was given, and when it was answered."""
    visit = Visit(lambda _: None)
    async with Tab(url, Notes(), visit) as tab:
        await tab.open("")  # the first page
        asked = time.perf_counter()
        await tab.upload([(_FILE_NAME, read_photos(None)[0])], on_start=visit.begin)
        if not await visit.wait_for(_FILE_NAME, _ANSWER_SECONDS):
            raise SystemExit("The photo was not answered.")
        return asked, time.perf_counter()


if __name__ == "__main__":
    main()
