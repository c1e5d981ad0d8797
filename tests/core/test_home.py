"""Without a usable home folder, libraries keep their files in the workspace, and one line says what is missing."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from core import home
from core.backbones.weights import keras_cache_dir
from core.environment import load_settings
from core.errors import SettingsError
from core.home import NO_HOME, give_home
from core.settings import Settings
from tests.conftest import PROJECT_DIR

# A user of whom the system knows nothing, as in a container that is started with any number. A process cannot always
# become one, but Python asks for it in one place.
UNKNOWN_USER = "import pwd\ndef getpwuid(_): raise KeyError('no such user')\npwd.getpwuid = getpwuid\n"


def run(script: str, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """A fresh Python whose user has no home, started as in an environment with our package installed."""
    start = f"{UNKNOWN_USER}import site\nsite.addsitedir({str(PROJECT_DIR / 'core')!r})\n"
    environment = {"PATH": os.environ["PATH"], "PYTHONPATH": str(PROJECT_DIR), **variables}
    command = [sys.executable, "-c", start + script, *arguments]
    return subprocess.run(command, cwd=PROJECT_DIR, env=environment, capture_output=True, text=True, check=False)


@pytest.fixture
def read_only_home(tmp_path: Path) -> Path:
    """A folder that is there and in which nobody can make a file; a superuser can do so wherever chmod forbids it."""
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        return Path("/proc")
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(0o555)
    return home


def test_a_usable_home_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has a home keeps it: weights and credentials are looked for where they always were."""
    monkeypatch.setenv("HOME", str(tmp_path))
    environment = {"HOME": str(tmp_path)}
    give_home(tmp_path / "ws", environment)
    assert environment == {"HOME": str(tmp_path)}
    assert Settings().workspace_dir == tmp_path / ".bluetit"


def test_a_missing_home_is_in_the_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every library gets a folder in the workspace, but for the one that somebody has chosen a folder for."""
    monkeypatch.setenv("HOME", str(tmp_path / "missing"))
    environment = {"HOME": str(tmp_path / "missing"), "KERAS_HOME": "/mine"}
    give_home(tmp_path / "ws", environment)
    assert environment.pop("KERAS_HOME") == "/mine"
    assert environment.pop("HOME") == str(tmp_path / "ws" / "home")
    assert {"TFHUB_CACHE_DIR", "TFDS_DATA_DIR", "KAGGLEHUB_CACHE", "MPLCONFIGDIR", "XDG_CACHE_HOME"} <= set(environment)
    assert all(Path(folder).is_relative_to(tmp_path / "ws" / "home") for folder in environment.values())
    assert (tmp_path / "ws" / "home").is_dir()


def test_a_read_only_home_is_still_read(tmp_path: Path, read_only_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Libraries that have no folder in it are sent into the workspace; it stays the home."""
    monkeypatch.setenv("HOME", str(read_only_home))
    environment: dict[str, str] = {}
    give_home(tmp_path, environment)
    assert environment["KERAS_HOME"] == str(tmp_path / "home" / ".keras")
    assert "HOME" not in environment


def test_possessions_in_a_read_only_home_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Weights and credentials that somebody has put there are still found; what is written goes elsewhere."""
    (tmp_path / ".keras" / "models").mkdir(parents=True)
    (tmp_path / ".cache" / "kagglehub").mkdir(parents=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setattr(home, "_can_write", lambda _: False)
    environment: dict[str, str] = {}
    give_home(tmp_path / "ws", environment)
    assert not {"KERAS_HOME", "HOME"} & set(environment)
    assert environment["KAGGLE_CONFIG_DIR"] == str(tmp_path / "ws" / "home" / ".kaggle")
    assert environment["KAGGLEHUB_CACHE"] == str(tmp_path / "ws" / "home" / ".cache" / "kagglehub")


@pytest.mark.parametrize("place", ["missing", "~", "relative"])
def test_one_line_names_the_variable(place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a home a workspace must be named; with one, nothing asks for the home."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / place) if place == "missing" else place)
    monkeypatch.delenv("KERAS_HOME", raising=False)
    with pytest.raises(SettingsError, match="Set BLUETIT_WORKSPACE_DIR to a folder"):
        load_settings({})
    assert load_settings({"BLUETIT_WORKSPACE_DIR": str(tmp_path)}).workspace_dir == tmp_path
    assert keras_cache_dir() == Path(NO_HOME) / ".keras" / "models"


def test_a_tilde_without_a_home() -> None:
    """A path that begins at the home is refused by the name of its variable, whose user is unknown."""
    result = run(
        "import os; os.environ.pop('HOME', None)\n"
        "from core.errors import SettingsError\n"
        "from core.environment import load_settings\n"
        "try: load_settings({'BLUETIT_WORKSPACE_DIR': '~/x'})\n"
        "except SettingsError as exc: print(exc)\n"
    )
    assert result.stderr == ""
    assert "BLUETIT_WORKSPACE_DIR" in result.stdout
    assert "Give the whole path" in result.stdout


@pytest.mark.parametrize("name", ["ws", "50% what?"])
def test_python_starts_with_a_home(tmp_path: Path, name: str) -> None:
    """Streamlit asks for the home before any of our code runs: the file that Python reads at its start has set it."""
    script = "import pathlib; from streamlit.config import get_config_files; print(pathlib.Path.home())"
    workspace = tmp_path / name
    result = run(f"{script}; get_config_files('config.toml')", BLUETIT_WORKSPACE_DIR=str(workspace))
    assert (result.stdout, result.stderr) == (f"{workspace / 'home'}\n", "")
    assert run(script).stdout == f"{NO_HOME}\n"
    assert run(script, HOME=str(tmp_path)).stdout == f"{tmp_path}\n"


def test_the_wheel_brings_the_file_that_python_reads() -> None:
    """Installed beside the packages, where Python looks for such files."""
    build = tomllib.loads((PROJECT_DIR / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    (source, target) = next(iter(build["force-include"].items()))
    assert target.endswith(".pth")
    assert "/" not in target
    (line,) = (PROJECT_DIR / source).read_text().splitlines()
    assert line.startswith("import ")
