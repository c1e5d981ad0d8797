"""Folders are floors: what a module may import follows from its path alone."""

import ast
import functools
import json
import os
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

from tests.conftest import PROJECT_DIR

# From the ground up: a module imports from its own folder and from those before it.
FLOORS = (
    *("core.errors", "core.home", "core.settings", "core.config", "core.recipes", "core.imagenet", "core.names"),
    *("core.seeds", "core.storage", "core.photos", "core.data_addresses", "core.links", "core.jobs", "core.litert"),
    *("core.backbones", "core.features", "core.datasets", "core.runs", "core.inference", "core.evaluation"),
    *("core.keras_script", "core.export", "core.networks", "core.training", "core.packaging"),
    *("core.task_kinds", "core.services", "pages", "benchmarks"),
)
# Floors that load Keras, in a worker only: nothing above them imports them, tasks name their handlers.
KERAS_FLOORS = ("core.networks", "core.training", "core.packaging")

# Packages of others that the server may load, each from a floor on.
LIBRARIES = {
    "sqlalchemy": "core.storage",
    "alembic": "core.storage",
    "numpy": "core.seeds",
    "PIL": "core.photos",
    "httpx": "core.links",
    "ai_edge_litert": "core.litert",
    "streamlit": "pages",
    "plotly": "pages",
}
KERAS = {"keras", "tensorflow", "tf_keras", "tensorflow_hub"}


@functools.cache
def modules() -> dict[str, Path]:
    """Dotted name of every module to its file; migrations are scripts that Alembic runs."""
    paths = [path for folder in ("core", "pages", "benchmarks") for path in (PROJECT_DIR / folder).rglob("*.py")]
    names = {}
    for path in sorted(paths):
        parts = path.relative_to(PROJECT_DIR).with_suffix("").parts
        if "migrations" not in parts and parts != ("core", "__init__"):
            names[".".join(parts).removesuffix(".__init__")] = path
    return names


def floor_of(module: str) -> int:
    """Position in the list of floors; a module that is on none has no place in the house."""
    parts = module.split(".")
    return FLOORS.index(".".join(parts[:2]) if parts[0] == "core" else parts[0])


@functools.cache
def imports_of(module: str) -> frozenset[str]:
    """Dotted names that a module imports, wherever the statement stands."""
    found = set()
    for node in ast.walk(ast.parse(modules()[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(found)


def test_imports_point_down():
    """No module imports from a folder above its own, and no other folder imports one that loads Keras."""
    upward = {
        (module, name)
        for module in modules()
        for name in imports_of(module) & modules().keys()
        if floor_of(name) > floor_of(module)
    }
    assert upward == set()
    keras_floors = {FLOORS.index(floor) for floor in KERAS_FLOORS}
    for module in modules():
        if floor_of(module) not in keras_floors and not module.startswith("benchmarks"):
            assert not imports_of(module) & KERAS, module
            assert not {name for name in imports_of(module) & modules().keys() if floor_of(name) in keras_floors}


def test_modules_import_each_other_in_one_direction():
    """No module reaches itself through what it imports: each can be the first that is imported."""
    graph = {name: imports_of(name) & modules().keys() - {name} for name in modules()}
    # A package is no file of its own here: `from core.photos import fit` imports the module.
    order = tuple(TopologicalSorter(graph).static_order())
    assert set(order) == modules().keys()


# Imports one floor after the other, and tells what each of them loaded.
_WALK_UP = """
import importlib, json, sys
loaded = {{}}
for floor, modules in {floors!r}:
    for module in modules:
        importlib.import_module(module)
    loaded[floor] = sorted({{name.split(".")[0] for name in sys.modules}})
print(json.dumps(loaded))
"""


def test_each_floor_loads_only_the_libraries_that_it_may():
    """The ground floor needs nothing but Python; no floor of the server loads Keras or, below the pages, Streamlit."""
    floors = [
        (floor, [name for name in modules() if floor_of(name) == number])
        for number, floor in enumerate(FLOORS)
        if floor not in (*KERAS_FLOORS, "pages", "benchmarks")
    ]
    loaded = json.loads(output_of(_WALK_UP.format(floors=floors)))
    for number, floor in enumerate(FLOORS):
        if floor in loaded:
            too_early = {name for name, first in LIBRARIES.items() if FLOORS.index(first) > number}
            assert not (too_early | KERAS) & set(loaded[floor]), floor


def test_the_process_of_the_pages_never_loads_tensorflow():
    """Running the app as Streamlit does, every page included, loads LiteRT and no Keras."""
    loaded = json.loads(
        output_of(
            "import json, os, sys, tempfile\n"
            "from streamlit.testing.v1 import AppTest\n"
            "with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:\n"
            "    os.environ['BLUETIT_WORKSPACE_DIR'] = folder\n"
            "    app = AppTest.from_file('streamlit_app.py', default_timeout=60).run()\n"
            "    assert not app.exception, app.exception\n"
            "    for page in ('dataset', 'train', 'results', 'compare', 'networks'):\n"
            "        app.switch_page(f'pages/{page}/page.py').run()\n"
            "        assert not app.exception, app.exception\n"
            "    from pages.server.services import close_services\n"
            "    close_services()\n"
            "print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"
        )
    )
    assert "ai_edge_litert" in loaded
    assert not KERAS & set(loaded)


def output_of(code: str) -> str:
    """The last line that a program prints in a fresh interpreter."""
    process = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=PROJECT_DIR,
        env={**os.environ, "PYTHONPATH": str(PROJECT_DIR)},
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return process.stdout.splitlines()[-1]
