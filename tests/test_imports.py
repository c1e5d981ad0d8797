"""The direction of dependencies, proved by importing each module as the first of ours."""

import ast
import functools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import PROJECT_DIR

KERAS = {"keras", "tensorflow", "tf_keras", "tensorflow_hub"}

# Module or package to its layer; a module may import from its own layer and those below. See the house style.
LAYERS = {
    "core": 1,
    "core.errors": 1,
    "core.settings": 1,
    "core.config": 1,
    "core.imagenet": 2,
    "core.photos": 2,
    "core.links": 2,
    "core.samples": 2,
    "core.storage": 2,
    "core.jobs": 2,
    "core.backbones": 2,
    "core.backbones.catalog": 2,
    "core.backbones.weights": 2,
    "core.backbones.artefacts": 2,
    "core.backbones.torch_weights": 2,
    "core.datasets": 2,
    "core.datasets.checks.checking": 3,
    "core.datasets.ingest.importing": 3,
    "core.datasets.ingest.storing": 3,
    "core.datasets.mapping": 3,
    "core.keras_script": 2,
    "core.runs": 2,
    "core.evaluation": 2,
    "core.evaluation.examining": 3,
    "core.evaluation.asking": 3,
    "core.evaluation.latency": 3,
    "core.inference": 3,
    "core.services": 3,
    "core.backbones.efficientnet_lite": 4,
    "core.backbones.build": 4,
    "core.backbones.convert": 4,
    "core.backbones.prepare": 4,
    "core.backbones.hub": 4,
    "core.training": 4,
    "core.training.seeds": 2,
    "core.jobs.worker": 5,
}

# Top-level packages that a layer must not load, its imports' imports included.
FORBIDDEN = {
    1: {"numpy", "PIL", "sqlalchemy", "alembic", "ai_edge_litert", "streamlit", "plotly", *KERAS},
    2: {"ai_edge_litert", "streamlit", "plotly", *KERAS},
    3: {"streamlit", "plotly", *KERAS},
    4: {"streamlit", "plotly"},
    # The worker reaches Keras only through the handler of the task it was given.
    5: {"streamlit", "plotly", *KERAS},
}


@functools.cache
def modules_of(package: str) -> tuple[str, ...]:
    """Dotted names of every module below a folder; migrations are scripts that Alembic runs."""
    names = []
    for path in sorted((PROJECT_DIR / package).rglob("*.py")):
        relative = path.relative_to(PROJECT_DIR).with_suffix("")
        if "migrations" not in relative.parts:
            names.append(".".join(relative.parts).removesuffix(".__init__"))
    return tuple(names)


def layer_of(module: str) -> int:
    while module not in LAYERS:
        module = module.rpartition(".")[0]
    return LAYERS[module]


def imports_of(path: Path) -> set[str]:
    """Dotted names that a file imports, wherever the statement stands."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


# Each module in turn is the first of `core` that is imported; only packages of others stay loaded in between.
IMPORT_EACH_FIRST = """
import importlib, sys
for module in {modules!r}:
    for name in [name for name in sys.modules if name == "core" or name.startswith("core.")]:
        del sys.modules[name]
    importlib.import_module(module)
"""


def loaded_by_layer(layer: int) -> frozenset[str]:
    """Top-level packages that all modules of a layer load together."""
    modules = [module for module in modules_of("core") if layer_of(module) == layer]
    return loaded_by(IMPORT_EACH_FIRST.format(modules=modules))


@functools.cache
def loaded_by(statement: str) -> frozenset[str]:
    """Top-level packages in a fresh interpreter after a statement."""
    code = f"{statement}\nimport json, sys\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    process = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        cwd=PROJECT_DIR,
        env={**os.environ, "PYTHONPATH": str(PROJECT_DIR)},
        check=False,
    )
    assert process.returncode == 0, process.stderr
    return frozenset(json.loads(process.stdout.splitlines()[-1]))


@pytest.mark.parametrize("module", modules_of("core"))
def test_a_module_loads_nothing_above_its_layer(module: str):
    """A module of `core` can be imported by itself, which pulls in no package that its layer must do without."""
    layer = layer_of(module)
    # Where its layer together loads nothing forbidden, none of its modules does; else each is asked by itself.
    if loaded_by_layer(layer) & FORBIDDEN[layer]:
        assert loaded_by(f"import {module}") & FORBIDDEN[layer] == set()


@pytest.mark.parametrize("module", modules_of("core"))
def test_imports_point_down(module: str):
    """No module of `core` imports one of a higher layer, not even inside a function."""
    path = PROJECT_DIR / Path(*module.split("."))
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    ours = {name for name in imports_of(file) if name in modules_of("core")}
    assert {name for name in ours if layer_of(name) > layer_of(module)} == set()


@pytest.mark.parametrize("module", modules_of("pages"))
def test_pages_use_the_lower_layers_and_no_other_page(module: str):
    """A page imports layers 1 to 3 and widgets; widgets import no page."""
    path = PROJECT_DIR / Path(*module.split("."))
    imported = imports_of(path / "__init__.py" if path.is_dir() else path.with_suffix(".py"))
    assert not {name.split(".")[0] for name in imported} & KERAS
    assert {name for name in imported if name in modules_of("core") and layer_of(name) > 3} == set()
    pages = {name for name in modules_of("pages") if "widgets" not in name and name != "pages"}
    assert imported & pages == set()


def test_the_process_of_the_pages_never_loads_tensorflow():
    """Running the app as Streamlit does, every page included, loads LiteRT and no Keras."""
    statement = (
        "import os, tempfile\n"
        "from streamlit.testing.v1 import AppTest\n"
        "with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:\n"
        "    os.environ['BLUETIT_WORKSPACE_DIR'] = folder\n"
        "    app = AppTest.from_file('streamlit_app.py', default_timeout=60).run()\n"
        "    assert not app.exception, app.exception\n"
        "    for page in ('dataset', 'train', 'results', 'compare', 'backbones'):\n"
        "        app.switch_page(f'pages/{page}.py').run()\n"
        "        assert not app.exception, app.exception\n"
        "    from pages.widgets.services import close_services\n"
        "    close_services()"
    )
    loaded = loaded_by(statement)
    assert "ai_edge_litert" in loaded
    assert loaded & KERAS == set()
