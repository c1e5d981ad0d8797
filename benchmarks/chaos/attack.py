"""Houses of their own for an attack: each a workspace with the default network prepared, and three spaces."""

import multiprocessing
import shutil
import traceback
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

from benchmarks.chaos.campaign import Campaign, Report
from benchmarks.chaos.house import House
from benchmarks.chaos.upgrades import Upgrades
from benchmarks.load.server import prepare
from benchmarks.train import tell
from core.environment import load_settings
from core.services import open_services
from core.settings import Settings
from core.spaces.records import SpaceKind
from core.spaces.registry import SpaceRegistry
from core.storage.db import open_database

_NAMES = ("Quiet Otter", "Brave Wren")  # of the spaces beside home


def attack_all(folder: Path, num_houses: int, num_kills: int, *, seconds: float, seed: int) -> Report:
    """Kill in several houses at once, which use the waits of one another.

    Args:
        folder: made here; holds a folder for each house.
        num_houses: how many; in the first of them networks are trained, too.
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
            pool.submit(
                attack,
                folder / f"house-{number}",
                network_dir,
                share,
                seconds=seconds,
                seed=seed + number,
                is_training=number == 0,
            )
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


def attack(folder: Path, network_dir: Path, num_kills: int, *, seconds: float, seed: int, is_training: bool) -> Report:
    """Kill in one house.

    Args:
        folder: made here; holds the workspace, journals and what is imported.
        network_dir: the default network, prepared.
        num_kills: how many.
        seconds: no longer than so long.
        seed: of everything drawn at random.
        is_training: whether visitors train networks, too.
    """
    workspace, notes_dir, import_dir = (folder / name for name in ("workspace", "notes", "imports"))
    for each in (workspace, notes_dir, import_dir):
        each.mkdir(parents=True)
    settings = settings_of(workspace, import_dir)
    shutil.copytree(network_dir, settings.cache_path / "backbones")
    database = open_database(settings)
    registry = SpaceRegistry(database)
    # Of teachers: pupils may neither import from folders of the server nor have as much as is thrown at it here.
    spaces = [registry.home(), *(registry.create(SpaceKind.TEACHER, name) for name in _NAMES)]
    database.close()
    upgrades = Upgrades(settings_of(folder / "upgraded", import_dir), notes_dir)
    house = House(settings, tuple(space.id for space in spaces), notes_dir, is_training=is_training)
    try:
        return Campaign(house, upgrades, seed).run(num_kills, seconds)
    except (Exception, SystemExit):
        tell(f"{folder.name}: {traceback.format_exc()}")  # at once, and not when the other houses have ended
        raise
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
