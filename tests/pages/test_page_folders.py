"""The folders of the pages, from the ground up: what a file may import can be said from its path alone."""

import functools

from benchmarks.structure import imports_of, modules
from tests.conftest import PROJECT_DIR

# Each may import itself and what stands before it; the pages stand side by side, and none knows another.
BELOW_PAGES = ("core", "pages.server", "pages.widgets")
PAGES = ("classify", "dataset", "train", "results", "compare", "networks")
MAX_LINES = 350  # a longer module is several in one


MODULES = modules(PROJECT_DIR)


@functools.cache
def texts() -> dict[str, str]:
    """The code of every module of the pages."""
    paths = {name: path for name, path in MODULES.items() if name.startswith("pages.")}
    return {name: path.read_text(encoding="utf-8") for name, path in paths.items()}


def folder_of(module: str) -> str:
    return "core" if module.startswith("core.") else ".".join(module.split(".")[:2])


def ours_of(module: str) -> set[str]:
    """What a module of the pages imports of ours."""
    return imports_of(module, texts()[module]) & MODULES.keys()


def test_every_module_has_its_place():
    """A new folder is put into the list, or its modules into one that is there."""
    assert {folder_of(name) for name in texts()} == {*BELOW_PAGES[1:], *(f"pages.{name}" for name in PAGES)}


def test_imports_point_down():
    """No page imports from another, no widget from a page, and nothing that the server does from either."""
    for module in texts():
        folder = folder_of(module)
        below = BELOW_PAGES[: BELOW_PAGES.index(folder)] if folder in BELOW_PAGES else BELOW_PAGES
        imported = {folder_of(name) for name in ours_of(module)}
        assert imported <= {*below, folder}, module


def test_nothing_imports_the_file_of_a_page():
    """It is run by being imported."""
    assert not {name for module in texts() for name in ours_of(module) if name.endswith(".page")}


def test_modules_are_short():
    """So that one name says what is in it."""
    lengths = {module: len(text.splitlines()) for module, text in texts().items()}
    assert {module: length for module, length in lengths.items() if length > MAX_LINES} == {}
