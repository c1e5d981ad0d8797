"""The folders of the pages, from the ground up: what a file may import can be said from its path alone."""

import ast
from pathlib import Path

from tests.conftest import PROJECT_DIR

# Each may import itself and what stands before it; the pages stand side by side, and none knows another.
BELOW_PAGES = ("core", "pages.server", "pages.widgets")
PAGES = ("classify", "dataset", "train", "results", "compare", "networks")


def modules() -> dict[str, Path]:
    """Every module of the pages by its dotted name."""
    found = {}
    for path in sorted((PROJECT_DIR / "pages").rglob("*.py")):
        found[".".join(path.relative_to(PROJECT_DIR).with_suffix("").parts).removesuffix(".__init__")] = path
    return found


def imports_of(path: Path) -> set[str]:
    """Dotted names of ours that a file imports, wherever the statement stands."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return {name for name in names if name.split(".")[0] in ("core", "pages", "streamlit_app", "benchmarks", "tests")}


def allowed(module: str) -> tuple[str, ...]:
    """The folders that a module may import from."""
    folder = ".".join(module.split(".")[:2])
    if folder in BELOW_PAGES:
        return BELOW_PAGES[: BELOW_PAGES.index(folder) + 1]
    return (*BELOW_PAGES, folder)


def test_every_module_has_its_place():
    """A new folder is put into the list, or its modules into one that is there."""
    folders = {".".join(name.split(".")[:2]) for name in modules()} - {"pages"}
    assert folders == {*BELOW_PAGES[1:], *(f"pages.{name}" for name in PAGES)}


def test_imports_point_down():
    """No page imports from another, no widget from a page, nothing of the server from either; nor any the entry."""
    upward = {
        (module, name)
        for module, path in modules().items()
        for name in imports_of(path)
        if not any(name.startswith(f"{folder}.") for folder in allowed(module))
    }
    assert upward == set()


def test_nothing_imports_a_page_itself():
    """A page's file runs when it is imported."""
    assert not {(module, name) for module, path in modules().items() for name in imports_of(path) if ".page." in name}


def test_no_module_has_more_than_one_room():
    """A module of more than 350 lines is several in one."""
    lengths = {module: len(path.read_text(encoding="utf-8").splitlines()) for module, path in modules().items()}
    assert {module: length for module, length in lengths.items() if length > 350} == {}
