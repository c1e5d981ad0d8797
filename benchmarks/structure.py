"""How the house is built: which folder imports which, how long its modules are, how full its rooms.

    python -m benchmarks.structure

Everything is read from the code itself, none of which is imported. Each figure that should be 0 is followed on standard
error by what spoils it.
"""

import ast
import json
import sys
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# From the ground up: a module imports from its own floor and from those before it. A floor is a folder or a file; one
# that stands below another (`pages.server` and `pages`) counts before it.
FLOORS = (
    *("core.errors", "core.home", "core.settings", "core.environment", "core.metrics", "core.records", "core.config"),
    *("core.recipes", "core.imagenet", "core.names", "core.seeds", "core.storage", "core.photos", "core.links"),
    *("core.hosting",),
    *("core.jobs", "core.monitoring", "core.litert", "core.faces", "core.backbones", "core.features"),
    *("core.datasets", "core.runs"),
    *("core.foreign", "core.inference", "core.actions", "core.evaluation", "core.sorting", "core.keras_script"),
    *("core.export", "core.projects"),
    *("core.spaces", "core.phones"),
    *("core.networks", "core.training", "core.packaging"),
    *("core.task_kinds", "core.services", "pages.words", "pages.server", "pages.widgets", "pages", "benchmarks"),
)

# Modules that hold little but rows, which are found most easily where all of them stand together.
TABLES = {
    "core.backbones.catalog": "one record for each pretrained network",
    "core.settings": "one field for each setting, with its words",
    "core.storage.schema": "one class for each table of the database",
    "core.recipes": "one ready config for each way to train, with the words beside it",
}

# Parts of the pages that every page may use.
_SHARED_BY_PAGES = ("words", "server", "widgets", "assets")
_CODE = ("core", "pages", "benchmarks")
_SCRIPTS = "migrations"  # which Alembic runs; nobody imports them


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """The figures of a tree of code."""

    folders: tuple[str, ...]  # that hold modules
    circles: tuple[tuple[str, ...], ...]  # folders that import each other, over others or directly
    upward: tuple[str, ...]  # "module -> imported" of a higher floor
    crossing: tuple[str, ...]  # the same between two pages
    lines: Mapping[str, int]  # of each module that is no table of data
    files: Mapping[str, int]  # modules that stand in each folder itself

    def to_json(self) -> dict[str, Any]:
        """The figures as the benchmark prints them."""
        longest = max(self.lines, key=lambda name: self.lines[name])
        fullest = max(self.files, key=lambda name: self.files[name])
        return {
            "folders": len(self.folders),
            "folder_circles": len(self.circles),
            "upward_imports": len(self.upward),
            "largest_module_lines": self.lines[longest],
            "largest_module": longest,
            "pages_cross_imports": len(self.crossing),
            "most_crowded_folder": fullest,
            "most_crowded_folder_files": self.files[fullest],
        }

    def faults(self) -> list[str]:
        """A line for each thing that should not be."""
        return [
            *(f"circle: {' -> '.join((*circle, circle[0]))}" for circle in self.circles),
            *(f"upward: {each}" for each in self.upward),
            *(f"between pages: {each}" for each in self.crossing),
        ]


def main() -> None:
    """Measure the code that this file is part of, and print one JSON object."""
    structure = measure(Path(__file__).parent.parent)
    for fault in structure.faults():
        print(fault, file=sys.stderr)
    print(json.dumps(structure.to_json()))


def measure(root: Path, floors: Sequence[str] = FLOORS) -> Structure:
    """Read the code below a folder.

    Args:
        root: holds `core`, `pages` and `benchmarks`.
        floors: from the ground up.

    Raises:
        ValueError: a module stands on none of the floors.
    """
    paths = modules(root)
    texts = {name: path.read_text(encoding="utf-8") for name, path in paths.items()}
    imports = {name: imports_of(name, text, is_package=_is_package(paths[name])) for name, text in texts.items()}
    floor = {name: floor_of(name, floors) for name in paths}
    pairs = sorted((name, other) for name in paths for other in imports[name] & paths.keys())
    files = Counter(path.parent.relative_to(root).as_posix() for path in paths.values() if not _is_package(path))
    return Structure(
        folders=tuple(sorted({path.parent.relative_to(root).as_posix() for path in paths.values()})),
        circles=_folder_circles(paths, pairs),
        upward=tuple(f"{name} -> {other}" for name, other in pairs if floor[other] > floor[name]),
        crossing=tuple(f"{name} -> {other}" for name, other in pairs if _are_different_pages(name, other)),
        lines={name: len(text.splitlines()) for name, text in texts.items() if name not in TABLES},
        files=files,
    )


def modules(root: Path) -> dict[str, Path]:
    """Dotted name of every module to its file; a folder's name stands for its `__init__.py`."""
    names = {}
    for path in sorted(path for folder in _CODE for path in (root / folder).rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        if _SCRIPTS not in parts:
            names[".".join(parts).removesuffix(".__init__")] = path
    return names


def imports_of(module: str, text: str, *, is_package: bool = False) -> frozenset[str]:
    """Dotted names that a module imports, wherever the statement stands; of `from a import b` both `a` and `a.b`.

    Args:
        module: its dotted name.
        text: its code.
        is_package: whether it is the `__init__.py` of a folder.
    """
    folder = module.split(".") if is_package else module.split(".")[:-1]
    found = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = folder[: len(folder) - node.level + 1] if node.level else []
            source = ".".join([*above, *([node.module] if node.module else [])])
            found |= {source, *(f"{source}.{alias.name}" for alias in node.names)}
    return frozenset(found)


def floor_of(module: str, floors: Sequence[str] = FLOORS) -> int:
    """Position of the floor on which a module stands, counted from the ground.

    Raises:
        ValueError: it stands on none.
    """
    if module in _CODE and module not in floors:
        return 0  # the word at the door of `core`, which everybody passes
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        name = ".".join(parts[:length])
        if name in floors:
            return floors.index(name)
    raise ValueError(f"{module} stands on no floor. Move it into a folder of FLOORS, or give it a place there.")


def _is_package(path: Path) -> bool:
    return path.name == "__init__.py"


def _are_different_pages(name: str, other: str) -> bool:
    pages = [_page_of(name), _page_of(other)]
    return None not in pages and pages[0] != pages[1]


def _page_of(module: str) -> str | None:
    parts = module.split(".")
    is_page = len(parts) > 1 and parts[0] == "pages" and parts[1] not in _SHARED_BY_PAGES
    return parts[1] if is_page else None


# --- circles ---------------------------------------------------------------------------------------------


def _folder_circles(paths: Mapping[str, Path], pairs: Iterable[tuple[str, str]]) -> tuple[tuple[str, ...], ...]:
    """Folders side by side of which each leads to each other; what is in a folder counts as the folder's."""
    rooms = {".".join(name.split(".")[:-1]) for name in paths} | {name for name in paths if _is_package(paths[name])}
    edges: dict[str, set[str]] = {}
    for name, other in pairs:
        source, target = _where_they_part(name, other)
        # Files that stand beside folders are rooms of their own on the ground floor only: `core.errors`, `core.config`.
        if source != target and {source, target} <= rooms:
            edges.setdefault(source, set()).add(target)
    return _circles(edges)


def _where_they_part(name: str, other: str) -> tuple[str, str]:
    """The folders or files, side by side, in which two modules are."""
    mine, theirs = name.split("."), other.split(".")
    shared = 0
    while shared < min(len(mine), len(theirs)) - 1 and mine[shared] == theirs[shared]:
        shared += 1
    return ".".join(mine[: shared + 1]), ".".join(theirs[: shared + 1])


def _circles(edges: Mapping[str, set[str]]) -> tuple[tuple[str, ...], ...]:
    """The sets of nodes that lead to each other, sorted."""
    reached = {node: _reachable(node, edges) for node in edges}
    circles = {
        tuple(sorted(other for other in others if node in reached.get(other, ()))) for node, others in reached.items()
    }
    return tuple(sorted(circle for circle in circles if len(circle) > 1))


def _reachable(start: str, edges: Mapping[str, set[str]]) -> set[str]:
    """Where edges lead to from a node; the node itself only if one leads back."""
    found: set[str] = set()
    waiting = [start]
    while waiting:
        for following in edges.get(waiting.pop(), ()):
            if following not in found:
                found.add(following)
                waiting.append(following)
    return found


if __name__ == "__main__":
    main()
