"""`benchmarks.structure`: each kind of fault in a small house is found, and a sound one has none."""

import re
from pathlib import Path

import pytest

from benchmarks.structure import FLOORS, TABLES, floor_of, imports_of, measure, modules
from tests.conftest import PROJECT_DIR

SMALL_FLOORS = ("core.errors", "core.storage", "core.datasets", "core.runs", "pages.widgets", "pages", "benchmarks")
SOUND = {
    "core/__init__.py": "",
    "core/errors.py": "",
    "core/storage/__init__.py": "",
    "core/storage/db.py": "from core.errors import BluetitError\n",
    "core/storage/migrations/versions/first.py": "import core.runs.desk\n",
    "core/datasets/__init__.py": "",
    "core/datasets/library.py": "from core.datasets.ingest import desk\nfrom core.storage import db\n",
    "core/datasets/records.py": "",
    "core/datasets/ingest/__init__.py": "",
    "core/datasets/ingest/desk.py": "from core.datasets.records import View\n",
    "core/runs/desk.py": "import core.datasets.library\n",
    "pages/words/wording.py": "import json\n",
    "pages/train/page.py": "from core.runs import desk\nfrom pages.train import start\nimport pages.words.wording\n",
    "pages/train/start.py": "",
    "pages/results/page.py": "# a\n# b\n# c\n# d\n# e\n",
    "benchmarks/train.py": "from pages.train import page\n",
}


@pytest.fixture
def house(tmp_path: Path) -> Path:
    for name, text in SOUND.items():
        write(tmp_path / name, text)
    return tmp_path


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def test_a_sound_house_has_no_fault(house: Path):
    """Figures are those of the code; scripts of Alembic, and files beside folders of their own, are no matter."""
    found = measure(house, SMALL_FLOORS)
    assert found.faults() == []
    assert found.to_json() == {
        "folders": 9,
        "folder_circles": 0,
        "upward_imports": 0,
        "largest_module_lines": 5,
        "largest_module": "pages.results.page",
        "pages_cross_imports": 0,
        "most_crowded_folder": "core/datasets",
        "most_crowded_folder_files": 2,
    }


@pytest.mark.parametrize(
    "statement",
    ["import core.runs.desk", "from core.runs import desk", "def f():\n    from core.runs.desk import RunDesk"],
)
def test_an_import_from_a_higher_floor_is_found(house: Path, statement: str):
    """However it is written and wherever it stands."""
    write(house / "core/datasets/library.py", f"{statement}\n")
    found = measure(house, SMALL_FLOORS)
    assert "core.datasets.library -> core.runs.desk" in found.upward
    assert found.to_json()["upward_imports"] == len(found.upward)


def test_folders_that_import_each_other_are_one_circle(house: Path):
    """Over a third folder too, and although no module reaches itself."""
    write(house / "core/storage/arrays.py", "import core.runs.records\n")
    write(house / "core/runs/records.py", "")
    found = measure(house, SMALL_FLOORS)
    assert found.circles == (("core.datasets", "core.runs", "core.storage"),)
    assert found.to_json()["folder_circles"] == 1


def test_folders_inside_of_a_folder_are_looked_at_too(house: Path):
    """Two that lie side by side may import each other no more than floors may."""
    write(house / "core/datasets/sources/links.py", "from core.datasets.ingest.desk import stage\n")
    write(house / "core/datasets/ingest/parts.py", "from core.datasets.sources.links import read\n")
    found = measure(house, SMALL_FLOORS)
    assert found.circles == (("core.datasets.ingest", "core.datasets.sources"),)
    assert found.upward == ()


def test_a_page_that_imports_another_is_found(house: Path):
    """Widgets are everybody's; other pages are nobody's."""
    write(house / "pages/results/page.py", "from pages.train.start import start\n")
    found = measure(house, SMALL_FLOORS)
    assert found.crossing == ("pages.results.page -> pages.train.start",)
    assert found.faults() == ["between pages: pages.results.page -> pages.train.start"]


def test_the_longest_module_and_the_fullest_folder_are_named(house: Path):
    """By their names, so that a reader knows where to begin."""
    write(house / "core/runs/library.py", "a = 1\n" * 400)
    write(house / "core/runs/names.py", "")
    figures = measure(house, SMALL_FLOORS).to_json()
    assert (figures["largest_module"], figures["largest_module_lines"]) == ("core.runs.library", 400)
    assert (figures["most_crowded_folder"], figures["most_crowded_folder_files"]) == ("core/runs", 3)


def test_a_module_without_a_floor_is_refused(house: Path):
    """A new folder must be given its place; the message says where."""
    write(house / "core/helpers/text.py", "")
    with pytest.raises(ValueError, match=r"core\.helpers\.text stands on no floor.*FLOORS"):
        measure(house, SMALL_FLOORS)


def test_the_nearest_name_tells_the_floor():
    """A floor that stands below another is told from it by its longer name."""
    assert floor_of("pages.words.wording") < floor_of("pages.train.page")
    assert floor_of("core.errors") < floor_of("core.storage.db") < floor_of("core.services")
    assert len(set(FLOORS)) == len(FLOORS)


def test_relative_imports_count():
    """They would be the way round the rule."""
    assert {"core.runs.desk", "core.runs"} <= imports_of("core.storage.db", "from ..runs import desk\n")
    assert "core.storage.db" in imports_of("core.storage", "from .db import Database\n", is_package=True)


def test_tables_of_data_are_modules_that_exist():
    """The list of those that may be long does not outlive them."""
    assert TABLES.keys() <= modules(PROJECT_DIR).keys()


def test_the_picture_has_a_room_for_every_floor():
    """And for none that is gone; a new page is its folder and a line of navigation, drawn by whoever likes to."""
    picture = (PROJECT_DIR / "docs" / "architecture.svg").read_text(encoding="utf-8")
    rooms = {name.removesuffix(".py").split("/")[-1] for name in re.findall(r'class="name"[^>]*>([^<]+)<', picture)}
    pages = {path.parent.name for path in PROJECT_DIR.glob("pages/*/page.py")}
    floors = {floor.split(".")[-1] for floor in FLOORS if floor not in ("pages", "benchmarks")}
    assert floors <= rooms <= floors | pages
