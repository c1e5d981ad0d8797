"""Whether anything that was promised is lost when server and workers are killed at any moment.

    python -m benchmarks.chaos --kills N [--seed S] [--minutes M] [--houses H] [--workspace DIR]

A server is started on a workspace of its own, with the default network prepared. In each of three spaces a visitor
makes datasets, imports photos, edits, undoes, trains, exports, takes projects out and brings them in. Server, workers,
or all of them are killed with SIGKILL at random moments, and started again. What visitors were told is written down
outside of the database; after each kill it is compared with what is there: photos, labels, splits and marks, what can
be undone, finished epochs, imports whole or not at all, tasks in the hands of a living worker, and SQLite's own checks.
At the end everything that was begun must come to its end, and after the sweep no file may lie there that belongs to
nothing.

`kills_by_victim` counts a server together with its visitors, who stand for its sessions, as one. The first broken
promise ends the run, and the workspace is kept where `--workspace` names one. The exit code is 1 then.
"""

import argparse
import json
import math
import multiprocessing
import shutil
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

from benchmarks.chaos.campaign import Campaign, Report
from benchmarks.chaos.house import House
from benchmarks.load.server import prepare
from benchmarks.train import tell
from core.environment import load_settings
from core.errors import BluetitError
from core.services import open_services
from core.settings import Settings
from core.spaces.records import SpaceKind
from core.spaces.registry import SpaceRegistry
from core.storage.db import open_database

_NAMES = ("Quiet Otter", "Brave Wren")  # of the spaces beside home


def main() -> None:
    """Run the benchmark and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="how many, in all houses together")
    parser.add_argument("--minutes", type=float, default=math.inf, help="no longer than so many, for kills alone")
    parser.add_argument("--seed", type=int, default=None, help="of everything drawn at random; default: the clock's")
    parser.add_argument("--houses", type=int, default=1, help="servers at the same time, each with a workspace")
    parser.add_argument("--workspace", type=Path, default=None, help="folder that is kept; must not exist yet")
    arguments = parser.parse_args()
    seed = int(time.time()) % 1_000_000 if arguments.seed is None else arguments.seed
    tell(f"seed {seed}")
    with tempfile.TemporaryDirectory(prefix="bluetit-chaos-") as name:
        folder = (arguments.workspace or Path(name) / "kept").resolve()
        report = attack_all(folder, arguments.houses, arguments.kills, seconds=60 * arguments.minutes, seed=seed)
    print(json.dumps({"seed": seed, "houses": arguments.houses, **report.to_json()}))
    if report.broken:
        raise SystemExit(1)


def attack_all(folder: Path, num_houses: int, num_kills: int, *, seconds: float, seed: int) -> Report:
    """Kill in several houses at once, which use the waits of one another.

    Args:
        folder: made here; holds a folder for each house.
        num_houses: how many.
        num_kills: in all of them together.
        seconds: no longer than so long.
        seed: of everything drawn at random.
    """
    folder.mkdir(parents=True)
    network_dir = prepared_network(folder / "network")
    shares = [num_kills // num_houses + (number < num_kills % num_houses) for number in range(num_houses)]
    report = Report()
    with ProcessPoolExecutor(num_houses, mp_context=multiprocessing.get_context("spawn")) as pool:
        attacks = [
            pool.submit(attack, folder / f"house-{number}", network_dir, share, seconds=seconds, seed=seed + number)
            for number, share in enumerate(shares)
        ]
        for each in attacks:
            report.add(each.result())
    return report


def prepared_network(folder: Path) -> Path:
    """Have the default network prepared in a workspace of its own; the folder of what was made."""
    services = open_services(settings_of(folder, folder))
    try:
        prepare(services)
    finally:
        services.close()
    return services.settings.cache_path / "backbones"


def attack(folder: Path, network_dir: Path, num_kills: int, *, seconds: float, seed: int) -> Report:
    """Kill in one house.

    Args:
        folder: made here; holds the workspace, journals and what is imported.
        network_dir: the default network, prepared.
        num_kills: how many.
        seconds: no longer than so long.
        seed: of everything drawn at random.
    """
    workspace, notes_dir, import_dir = (folder / name for name in ("workspace", "notes", "imports"))
    for each in (workspace, notes_dir, import_dir):
        each.mkdir(parents=True)
    settings = settings_of(workspace, import_dir)
    shutil.copytree(network_dir, settings.cache_path / "backbones")
    database = open_database(settings)
    registry = SpaceRegistry(database)
    spaces = [registry.home(), *(registry.create(SpaceKind.PUPIL, name) for name in _NAMES)]
    database.close()
    house = House(settings, tuple(space.id for space in spaces), notes_dir)
    try:
        return Campaign(house, seed).run(num_kills, seconds)
    finally:
        house.end()


def settings_of(workspace: Path, import_dir: Path) -> Settings:
    """Settings of a workspace that nobody else uses."""
    return replace(
        load_settings(),
        workspace_dir=workspace,
        cache_dir=None,
        database_url="",
        import_dirs=(str(import_dir),),
        package_after_training=False,
    )


if __name__ == "__main__":
    try:
        main()
    except BluetitError as exc:
        raise SystemExit(str(exc)) from exc
