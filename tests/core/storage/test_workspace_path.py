"""A workspace may have any path, and one whose database an older Bluetit put elsewhere gets it back."""

import os
import sqlite3
import subprocess
import sys
import unicodedata
from contextlib import closing
from pathlib import Path

import pytest

from core.datasets.library import Library
from core.environment import load_settings
from core.errors import StorageError
from core.settings import Settings
from core.storage import misplaced
from core.storage.db import open_database
from core.storage.schema import Worker
from tests.core.datasets.library_samples import add, photo_hash

PROJECT_ROOT = Path(__file__).resolve().parents[3]

NAMES = [
    "two words",
    " spaces around ",
    "what?",
    "what?mode=ro&uri=true",
    "#1",
    "50%",
    "my%20photos",
    "%2e%2e",
    "%00",
    "%",
    "it's",
    'say "cheese"',
    "back\\slash",
    "a;b&c=d",
    "a@b:c",
    "[1]",
    "$HOME",
    "~",
    "-rf",
    "new\nline",
    "percent %(here)s",
    unicodedata.normalize("NFC", "Vögel"),
    unicodedata.normalize("NFD", "Vögel"),
    "鳥 🐦",
    os.fsdecode(b"latin\xe91"),
    ":memory:",
    "file:x",
    "w" * 200,
]


def worker(name: str) -> Worker:
    return Worker(id=name, pid=1, host="here", started_at=0.0, heartbeat_at=0.0)


def write_worker(settings: Settings, name: str) -> None:
    with closing(open_database(settings)) as database, database.session() as session:
        session.add(worker(name))


def worker_names(settings: Settings) -> set[str]:
    with closing(open_database(settings)) as database, database.read_session() as session:
        return {found.id for found in session.query(Worker)}


def files_below(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("name", [*NAMES, "what?/inner", "my%20photos/inner"], ids=ascii)
def test_any_name(tmp_path: Path, name: str) -> None:
    """The database is in the workspace and nowhere else, is found again, and moves with the folder."""
    folder = tmp_path / "all" / name
    settings = load_settings({"BLUETIT_WORKSPACE_DIR": str(folder)})
    write_worker(settings, "a")
    assert worker_names(settings) == {"a"}
    assert files_below(tmp_path) == [str((folder / "bluetit.sqlite3").relative_to(tmp_path))]
    moved = tmp_path / "moved"
    folder.rename(moved)
    assert worker_names(Settings(workspace_dir=moved)) == {"a"}


def test_relative_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative workspace stays where it was when the process goes elsewhere."""
    monkeypatch.chdir(tmp_path)
    settings = Settings(workspace_dir=Path("here/ws"), cache_dir=Path("cache"))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    write_worker(settings, "a")
    assert files_below(tmp_path) == ["here/ws/bluetit.sqlite3"]
    assert settings.cache_path == tmp_path / "cache"


def test_long_paths(tmp_path: Path) -> None:
    """The longest path that SQLite can use works; a longer one is refused with both lengths and the remedy."""

    def folder_of(num_bytes: int) -> Path:
        missing = num_bytes - len(os.fsencode(tmp_path)) - len("/bluetit.sqlite3")
        parts = [("é" * 50)[: min(50, missing // 2)]] * (missing // 101)
        found = tmp_path.joinpath(*parts)
        rest = missing - len(os.fsencode(found)) + len(os.fsencode(tmp_path))
        return found / ("x" * (rest - 1))

    longest = Settings(workspace_dir=folder_of(504))
    assert len(os.fsencode(longest.database_path)) == 504
    write_worker(longest, "a")
    assert worker_names(longest) == {"a"}
    with pytest.raises(StorageError, match=r"505 bytes; SQLite can use 504.*BLUETIT_WORKSPACE_DIR"):
        open_database(Settings(workspace_dir=folder_of(505)))


# --- databases in the wrong place ------------------------------------------------------------------------


def by_the_old_rule(settings: Settings) -> Settings:
    """What an older Bluetit made of the same workspace."""
    return Settings(workspace_dir=settings.workspace_dir, database_url=f"sqlite:///{settings.database_path}")


def write_dataset(settings: Settings, name: str, numbers: range) -> None:
    """A dataset with photos, whose files are in the workspace."""
    with closing(open_database(settings)) as database:
        library = Library(database)
        add(library, library.datasets.create(name, ["crow"]).id, "crow", numbers)
    for number in numbers:
        path = settings.photos_path / photo_hash(number)[:2] / f"{photo_hash(number)}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def dataset_names(settings: Settings) -> set[str]:
    with closing(open_database(settings)) as database:
        return {found.name for found in Library(database).datasets.all()}


@pytest.mark.parametrize(
    ("workspace", "old_place"),
    [
        ("what?", "what"),
        ("what?/deep/ws", "what"),
        ("my%20birds?", "my birds"),
        ("50%25 #1", "50% #1/bluetit.sqlite3"),
        ("a%2Fb", "a/b/bluetit.sqlite3"),
        ("%zz?100% ö", "%zz"),
    ],
)
def test_a_misplaced_database_comes_home(tmp_path: Path, workspace: str, old_place: str) -> None:
    """What an older Bluetit wrote beside the workspace is in it after the next start, and only there."""
    settings = Settings(workspace_dir=tmp_path / workspace)
    (tmp_path / old_place).parent.mkdir(parents=True, exist_ok=True)
    write_dataset(by_the_old_rule(settings), "Birds", range(3))
    assert (tmp_path / old_place).is_file()
    assert dataset_names(settings) == {"Birds"}
    assert dataset_names(settings) == {"Birds"}
    assert [name for name in files_below(tmp_path) if not name.endswith(".jpg")] == [f"{workspace}/bluetit.sqlite3"]


def test_the_log_of_a_killed_server_comes_home(tmp_path: Path) -> None:
    """What was only in the -wal file when the older Bluetit was killed is not lost."""
    settings = Settings(workspace_dir=tmp_path / "what?")
    write_worker(by_the_old_rule(settings), "a")
    killed = (
        "import os, sqlite3, sys\n"
        "connection = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "connection.execute(\"UPDATE workers SET id = 'b'\")\n"
        "os._exit(1)\n"
    )
    subprocess.run([sys.executable, "-c", killed, str(tmp_path / "what")], check=False)
    assert (tmp_path / "what-wal").stat().st_size > 0
    assert worker_names(settings) == {"b"}
    assert files_below(tmp_path) == ["what?/bluetit.sqlite3"]


def test_a_database_that_two_workspaces_shared(tmp_path: Path) -> None:
    """Two workspaces that an older Bluetit gave one database both get what is in it, whichever starts first."""
    first, second = (Settings(workspace_dir=tmp_path / name) for name in ("what?1", "what?2"))
    write_dataset(by_the_old_rule(first), "Birds", range(3))
    write_dataset(by_the_old_rule(second), "Cats", range(3, 6))
    assert dataset_names(first) == {"Birds", "Cats"}
    assert dataset_names(second) == {"Birds", "Cats"}
    assert (tmp_path / "what").is_file()


@pytest.mark.parametrize("has_photos", [True, False], ids=["photos", "no photos"])
@pytest.mark.parametrize("exists", [True, False], ids=["old workspace", "new workspace"])
def test_another_workspace_keeps_its_database(tmp_path: Path, has_photos: bool, exists: bool) -> None:
    """A folder with `%20` in its name neither sees nor takes what belongs to the folder with a space."""
    other = Settings(workspace_dir=tmp_path / "my birds")
    write_dataset(other, "Birds", range(3 if has_photos else 0))
    settings = Settings(workspace_dir=tmp_path / "my%20birds")
    if exists:
        settings.workspace_dir.mkdir()
    with closing(open_database(other)) as running, running.read_session() as session:  # its server runs
        assert session.query(Worker).count() == 0
        assert dataset_names(settings) == set()
    assert dataset_names(other) == {"Birds"}


@pytest.mark.parametrize("content", [b"", b"my notes", None], ids=["empty", "text", "database"])
def test_a_stranger_beside_the_workspace_is_left_alone(tmp_path: Path, content: bytes | None) -> None:
    """A file that is no database of Bluetit's stays as it is."""
    stranger = tmp_path / "what"
    if content is None:
        with closing(sqlite3.connect(stranger)) as connection:
            connection.execute("CREATE TABLE recipes (name TEXT)")
    else:
        stranger.write_bytes(content)
    before = stranger.read_bytes()
    settings = Settings(workspace_dir=tmp_path / "what?")
    settings.workspace_dir.mkdir()
    write_worker(settings, "a")
    assert worker_names(settings) == {"a"}
    assert stranger.read_bytes() == before


def test_the_right_database_wins(tmp_path: Path) -> None:
    """A workspace that has its database keeps it, whatever lies beside it."""
    settings = Settings(workspace_dir=tmp_path / "what?")
    write_worker(settings, "right")
    settings.database_path.rename(tmp_path / "aside")
    write_worker(by_the_old_rule(settings), "wrong")
    (tmp_path / "aside").rename(settings.database_path)
    assert worker_names(settings) == {"right"}
    assert worker_names(by_the_old_rule(settings)) == {"wrong"}


def test_a_misplaced_database_in_use_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While an older Bluetit runs, nothing is moved away from it: the error says to stop it."""
    monkeypatch.setattr(misplaced, "IN_USE_SECONDS", 0.2)
    settings = Settings(workspace_dir=tmp_path / "what?")
    with closing(open_database(by_the_old_rule(settings))) as old, old.read_session() as session:
        assert session.query(Worker).count() == 0
        with pytest.raises(StorageError, match="Stop the older Bluetit"):
            open_database(settings)
    write_worker(by_the_old_rule(settings), "a")
    assert worker_names(settings) == {"a"}


def test_processes_that_bring_it_home_at_once(tmp_path: Path) -> None:
    """Of processes that start at the same moment one moves the database, and all use it."""
    settings = Settings(workspace_dir=tmp_path / "what?")
    write_dataset(by_the_old_rule(settings), "Birds", range(3))
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from core.datasets.library import Library\n"
        "from core.settings import Settings\n"
        "from core.storage.db import open_database\n"
        "print('ready', flush=True)\n"
        "sys.stdin.readline()\n"
        "library = Library(open_database(Settings(workspace_dir=Path(sys.argv[1]))))\n"
        "library.datasets.create(sys.argv[2])\n"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(settings.workspace_dir), str(number)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=PROJECT_ROOT,
            text=True,
        )
        for number in range(3)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    messages = [process.communicate(timeout=300)[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], messages
    assert dataset_names(settings) == {"Birds", "0", "1", "2"}
    assert not (tmp_path / "what").exists()
