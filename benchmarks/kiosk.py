"""Whether a kiosk survives a day: its page in a real browser with a fake camera, for as long as wanted.

    python -m benchmarks.kiosk [--minutes 60] [--restarts 2] [--unplugs 4] [--network NAME] [--workspace DIR]

A server of its own is started, with a workspace of its own. In between, evenly, the camera is taken away, and the
server is ended and started again; the page has to go on by itself each time. Memory is that of the tab (of its process,
and of what its scripts hold after the garbage was collected) and of the server's process, at the start and at the end;
`growth` is by how many megabytes the median of the second half of the time is above that of the first.
"""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil

from benchmarks.live.browser import BROWSER_ARGUMENTS, find_browser
from benchmarks.load.server import begin_app, end_app, fill, free_port, wait_until_healthy
from benchmarks.train import tell
from core.environment import load_settings
from core.errors import BluetitError
from core.settings import Settings

_WARM_SECONDS = 10.0  # until caches are filled: the start
_LOOK_SECONDS = 5.0  # from one look at the memory to the next
_RECOVERY_SECONDS = 60.0
_SCREEN: Any = {"width": 1280, "height": 720}
_UNPLUG_JS = "() => window.kiosk.stream.getVideoTracks()[0].dispatchEvent(new Event('ended'))"


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was used at a moment."""

    seconds: float  # since the start
    tab_megabytes: float  # of its process
    heap_megabytes: float  # of what its scripts hold
    server_megabytes: float
    num_nodes: int  # of the page's document


@dataclass(slots=True, kw_only=True)
class Soak:
    """A kiosk, and its server, for a while."""

    settings: Settings
    page: Any  # Playwright's
    session: Any  # to the browser's own inside
    process: psutil.Popen
    port: int
    looks: list[Look] = field(default_factory=list)
    recoveries: list[float] = field(default_factory=list)  # seconds from the server's start to the next answer
    camera_recoveries: list[float] = field(default_factory=list)

    def counts(self) -> dict[str, int]:
        """What the page has counted: answers, reconnections, cameras that were opened."""
        told: dict[str, int] = self.page.evaluate("() => window.kiosk.counts")
        return told

    def look(self, since: float) -> None:
        """Note what is used now."""
        self.session.send("HeapProfiler.collectGarbage")
        told = self.session.send("Performance.getMetrics")["metrics"]
        metrics = {each["name"]: each["value"] for each in told}
        self.looks.append(
            Look(
                seconds=round(time.monotonic() - since, 1),
                tab_megabytes=_megabytes(_renderer(self.page)),
                heap_megabytes=round(metrics["JSHeapUsedSize"] / 1e6, 2),
                server_megabytes=_megabytes(self.process),
                num_nodes=int(metrics["Nodes"]),
            )
        )

    def unplug(self) -> None:
        """Take the camera away, and wait until the page has it again."""
        before, begun = self.counts()["cameras"], time.monotonic()
        self.page.evaluate(_UNPLUG_JS)
        _wait_for(lambda: self.counts()["cameras"] > before, "The camera was not found again")
        self.camera_recoveries.append(round(time.monotonic() - begun, 2))

    def restart(self) -> None:
        """End the server and start it again, and wait until the page has an answer."""
        end_app(self.process)
        time.sleep(_LOOK_SECONDS)  # so that the page notices
        before, log_path = self.counts()["answers"], self.settings.workspace_dir / "server.log"
        self.process, url = begin_app(self.settings, log_path, port=self.port)
        wait_until_healthy(url, self.process, log_path)
        begun = time.monotonic()
        _wait_for(lambda: self.counts()["answers"] > before, "The page has not found its server again")
        self.recoveries.append(round(time.monotonic() - begun, 2))


def main() -> None:
    """Run the benchmark and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0, help="for how long")
    parser.add_argument("--restarts", type=int, default=2, help="how often the server is ended and started again")
    parser.add_argument("--unplugs", type=int, default=4, help="how often the camera is taken away")
    parser.add_argument("--network", default="EfficientNetLite0", help="name in the catalogue")
    parser.add_argument("--workspace", type=Path, default=None, help="folder that is kept, and filled if it is new")
    arguments = parser.parse_args()
    # Windows cannot delete a database file that a worker has just let go of.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        workspace = (arguments.workspace or Path(folder)).resolve()
        settings = replace(load_settings(), workspace_dir=workspace, cache_dir=None, default_backbone=arguments.network)
        fill(settings, 0)
        print(json.dumps(run(settings, 60 * arguments.minutes, arguments.restarts, arguments.unplugs)))


def run(settings: Settings, seconds: float, num_restarts: int, num_unplugs: int) -> dict[str, Any]:
    """The figures of a kiosk that runs for so long."""
    from playwright.sync_api import sync_playwright

    port, log_path = free_port(), settings.workspace_dir / "server.log"
    process, url = begin_app(settings, log_path, port=port)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_browser(), args=BROWSER_ARGUMENTS)
        page = browser.new_page(viewport=_SCREEN)
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable")
        session.send("HeapProfiler.enable")
        soak = Soak(settings=settings, page=page, session=session, process=process, port=port)
        try:
            wait_until_healthy(url, process, log_path)
            page.goto(f"{url}/?kiosk={settings.default_backbone}")
            _wait_for(lambda: page.evaluate("() => window.kiosk?.counts.answers ?? 0") > 0, "The page does not answer")
            tell(f"a kiosk for {seconds / 60:.1f} minutes")
            return _follow(soak, seconds, num_restarts, num_unplugs)
        finally:
            browser.close()
            end_app(soak.process)


def _follow(soak: Soak, seconds: float, num_restarts: int, num_unplugs: int) -> dict[str, Any]:
    time.sleep(_WARM_SECONDS)
    begun, first = time.monotonic(), soak.counts()
    events = [(seconds * (place + 1) / (num_unplugs + 1), soak.unplug) for place in range(num_unplugs)]
    events += [(seconds * (place + 0.5) / (num_restarts + 0.5), soak.restart) for place in range(num_restarts)]
    events.sort(key=lambda event: event[0])
    soak.look(begun)
    while time.monotonic() - begun < seconds:
        time.sleep(min(_LOOK_SECONDS, seconds / 20))
        if events and time.monotonic() - begun >= events[0][0]:
            _, happen = events.pop(0)
            happen()
        soak.look(begun)
    last = soak.counts()
    return {
        "minutes": round((time.monotonic() - begun) / 60, 2),
        "answers_per_second": round((last["answers"] - first["answers"]) / (time.monotonic() - begun), 2),
        "reconnections": last["reconnections"] - first["reconnections"],
        "cameras_found_again": last["cameras"] - first["cameras"],
        "seconds_to_find_the_server": soak.recoveries,
        "seconds_to_find_the_camera": soak.camera_recoveries,
        "start": _told(soak.looks[0]),
        "end": _told(soak.looks[-1]),
        "growth": {name: _growth(soak.looks, name) for name in ("tab_megabytes", "heap_megabytes", "server_megabytes")},
    }


def _told(look: Look) -> dict[str, float]:
    return {name: getattr(look, name) for name in Look.__slots__ if name != "seconds"}


def _growth(looks: list[Look], name: str) -> float:
    """The median of the second half above that of the first."""
    half = len(looks) // 2
    values = [float(getattr(look, name)) for look in looks]
    return round(statistics.median(values[half:]) - statistics.median(values[: max(half, 1)]), 2)


def _renderer(page: Any) -> psutil.Process:
    """The process of the tab: the one of its kind that has worked longest."""
    told = page.context.browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
    tabs = [each for each in told if each["type"] == "renderer"]
    return psutil.Process(int(max(tabs, key=lambda each: each["cpuTime"])["id"]))


def _megabytes(process: psutil.Process) -> float:
    return round(float(process.memory_info().rss) / 1e6, 1)


def _wait_for(is_so: Callable[[], bool], problem: str) -> None:
    give_up_at = time.monotonic() + _RECOVERY_SECONDS
    while not is_so():
        if time.monotonic() > give_up_at:
            raise SystemExit(f"{problem} within {_RECOVERY_SECONDS:.0f} s.")
        time.sleep(0.1)


if __name__ == "__main__":
    try:
        main()
    except BluetitError as exc:
        raise SystemExit(str(exc)) from exc
