"""Folders are floors: what a module may import follows from its path alone."""

import functools
import json
import os
import subprocess
import sys
from graphlib import TopologicalSorter

from benchmarks.structure import FLOORS, floor_of, imports_of, measure, modules
from tests.conftest import PROJECT_DIR

# Floors that load Keras, in a worker only: nothing above them imports them, tasks name their handlers.
KERAS_FLOORS = ("core.networks", "core.training", "core.packaging")

# Packages of others that the server may load, each from a floor on.
LIBRARIES = {
    "sqlalchemy": "core.storage",
    "alembic": "core.storage",
    "numpy": "core.seeds",
    "PIL": "core.photos",
    "httpx": "core.links",
    "cryptography": "core.hosting",
    "ai_edge_litert": "core.litert",
    "streamlit": "pages.server",
    "plotly": "pages.server",
}
KERAS = {"keras", "tensorflow", "tf_keras", "tensorflow_hub"}


@functools.cache
def imports() -> dict[str, frozenset[str]]:
    """Every module with the dotted names that it imports, wherever the statement stands."""
    return {
        name: imports_of(name, path.read_text(encoding="utf-8"), is_package=path.name == "__init__.py")
        for name, path in modules(PROJECT_DIR).items()
    }


def test_folders_are_floors():
    """No module imports from a floor above its own, no folders import each other, and no page another."""
    assert measure(PROJECT_DIR).faults() == []


def test_modules_are_short():
    """One name says what is in each: modules that are no tables of data have at most 350 lines."""
    assert {name: lines for name, lines in measure(PROJECT_DIR).lines.items() if lines > 350} == {}


def test_nothing_imports_the_file_of_a_page():
    """It is run by being imported."""
    assert not {name for names in imports().values() for name in names & imports().keys() if name.endswith(".page")}


def test_nothing_reaches_keras_but_through_a_task():
    """Keras is imported by the floors that may, and these by no other: tasks name their handlers."""
    for module, names in imports().items():
        if floor_name(module) not in (*KERAS_FLOORS, "benchmarks"):
            assert not names & KERAS, module
            assert not {name for name in names & imports().keys() if floor_name(name) in KERAS_FLOORS}, module


def test_modules_import_each_other_in_one_direction():
    """No module reaches itself through what it imports: each can be the first that is imported."""
    graph = {name: names & imports().keys() - {name} for name, names in imports().items()}
    assert set(TopologicalSorter(graph).static_order()) == graph.keys()


def floor_name(module: str) -> str:
    return FLOORS[floor_of(module)]


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
        (floor, [name for name in imports() if floor_name(name) == floor])
        for floor in FLOORS
        if floor.startswith("core.") and floor not in KERAS_FLOORS
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
            "from streamlit.runtime.context import ContextProxy\n"
            "from streamlit.testing.v1 import AppTest\n"
            "ContextProxy.cookies = {}\n"  # there is no browser that keeps any
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
