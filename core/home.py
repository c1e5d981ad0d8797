"""Where libraries keep their own files when there is no home folder for them.

In a container a process may have no home: `HOME` is not set and the user's number is in no list of users, or the folder
is not there, or it is read-only. Libraries that look for a folder of theirs below it then fail, some when they are
imported. They are sent into the workspace, unless somebody has sent them elsewhere.
"""

import contextlib
import os
import tempfile
from collections.abc import MutableMapping
from pathlib import Path

from core.errors import SettingsError

WORKSPACE_VARIABLE = "BLUETIT_WORKSPACE_DIR"

# Stands for a home that nobody has, as in Debian's list of users; never made.
NO_HOME = "/nonexistent"

# Variables by which libraries are told where to write, and the name of each folder below the home.
_CACHES = {
    "TFHUB_CACHE_DIR": ".cache/tfhub_modules",  # by itself it takes the system's temporary folder, which is emptied
    "TFDS_DATA_DIR": "tensorflow_datasets",
    "KAGGLEHUB_CACHE": ".cache/kagglehub",
    "MPLCONFIGDIR": ".config/matplotlib",
    "NUMBA_CACHE_DIR": ".cache/numba",
    "XDG_CACHE_HOME": ".cache",  # fontconfig and many others
}
# The same where it matters as well what somebody has put there: weights, credentials, settings.
_POSSESSIONS = {
    "KERAS_HOME": ".keras",
    "KAGGLE_CONFIG_DIR": ".kaggle",
    "XDG_CONFIG_HOME": ".config",
}
_HOME_VARIABLE = "USERPROFILE" if os.name == "nt" else "HOME"


def home_dir() -> Path | None:
    """The user's home folder; None where the system knows none or it is not there."""
    home = Path(os.path.expanduser("~"))
    return home if home.is_absolute() and os.path.isdir(home) else None


def default_workspace_dir() -> Path:
    """The workspace of somebody who has not chosen one.

    Raises:
        SettingsError: there is no home folder for it.
    """
    home = home_dir()
    if home is None:
        raise SettingsError(
            f"There is no home folder to keep photos in. Set {WORKSPACE_VARIABLE} to a folder for Bluetit's files."
        )
    return home / ".bluetit"


def give_home(workspace_dir: Path, environment: MutableMapping[str, str]) -> None:
    """Send libraries into the workspace where this process has no home that it can write in.

    What is set already stays. A home that is only read-only stays, too, with the weights and credentials in it.

    Args:
        workspace_dir: absolute path of the workspace.
        environment: of this process or of one to be started; changed.
    """
    home = home_dir()
    if home is not None and _can_write(home):
        return
    new_home = workspace_dir / "home"
    kept = (
        set() if home is None else {variable for variable, name in _POSSESSIONS.items() if os.path.exists(home / name)}
    )
    for variable, name in {**_CACHES, **_POSSESSIONS}.items():
        if variable not in kept:
            environment.setdefault(variable, str(new_home / name))
    if home is None:
        environment[_HOME_VARIABLE] = str(new_home)
        # Some libraries only make a folder in it. Where it cannot be made, opening the workspace says why.
        with contextlib.suppress(OSError):
            new_home.mkdir(parents=True, exist_ok=True)


def _can_write(folder: Path) -> bool:
    """Whether a file can really be made there: file systems may be read-only, or say one thing and do another."""
    try:
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def give_home_at_start() -> None:
    """Called by Python itself when it starts and knows of no home (see `bluetit_home.pth`).

    Streamlit looks for its settings below the home folder before it reads the first line of ours, and ends when the
    system knows none.
    """
    workspace_dir = os.environ.get(WORKSPACE_VARIABLE, "")
    is_usable = workspace_dir != "" and not workspace_dir.startswith("~")
    os.environ[_HOME_VARIABLE] = os.path.abspath(os.path.join(workspace_dir, "home")) if is_usable else NO_HOME
