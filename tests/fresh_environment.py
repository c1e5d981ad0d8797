"""Fresh virtual environments: Python with the packages that somebody names and what these need, and nothing else.

The files are links to those of the packages with which the tests run, whose own records say which these are. TensorFlow
is there in a second, without a network, where unpacking its 2 GB takes half a minute; and the versions are those of
constraints.txt, as with everything else that is tested.
"""

import importlib.metadata
import os
import shutil
import subprocess
import sys
import venv
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib.metadata import Distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

# All that a program finds of the world around it: no folder of modules, no setting of a backend.
_KEPT_VARIABLES = ("PATH", "SYSTEMROOT", "TEMP", "TMP", "LANG")


@dataclass(frozen=True, kw_only=True)
class FreshEnvironment:
    """A virtual environment, and the home folder of whoever works in it."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")

    def run(self, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run Python in a folder, as somebody does who knows of nothing else."""
        kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        home = str(self.folder)
        return subprocess.run(
            [str(self.python), *arguments],
            cwd=cwd,
            env={**kept, "HOME": home, "USERPROFILE": home, "TF_CPP_MIN_LOG_LEVEL": "3"},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )

    def install(self, requirement: str) -> str | None:
        """Get one package from the registry, without what it needs; what pip says where it cannot."""
        return self._pip("install", "-q", "--no-deps", "--no-compile", requirement)

    def lacks(self, requirements: Path) -> str | None:
        """What pip would still have to install for a file of requirements, in its own words; None: nothing."""
        return self._pip("--isolated", "install", "--no-index", "--dry-run", "-q", "-r", str(requirements))

    def _pip(self, *arguments: str) -> str | None:
        command = [sys.executable, "-m", "pip", "--python", str(self.python), *arguments]
        process = subprocess.run(command, capture_output=True, text=True, check=False)
        return None if process.returncode == 0 else process.stderr


@contextmanager
def fresh_environment(folder: Path, requirements: Iterable[str]) -> Iterator[FreshEnvironment]:
    """One that holds what a file of requirements names; it is gone afterwards.

    Args:
        folder: of the environment, which is not there yet.
        requirements: lines of the file.

    Raises:
        PackageNotFoundError: a package is not among those with which the tests run.
    """
    try:
        venv.create(folder, with_pip=False, symlinks=os.name != "nt")
        made = FreshEnvironment(folder=folder)
        modules = made.run("-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=folder).stdout.strip()
        for distribution in with_what_they_need(requirements).values():
            _link(distribution, Path(modules))
        yield made
    finally:
        shutil.rmtree(folder, ignore_errors=True)  # thirty thousand files


def with_what_they_need(requirements: Iterable[str]) -> Mapping[str, Distribution]:
    """The installed packages that some requirements come to, by name, with all that these need in turn."""
    found: dict[str, Distribution] = {}
    known: set[tuple[str, str]] = set()
    waiting = [Requirement(line) for line in requirements]
    while waiting:
        requirement = waiting.pop()
        name = canonicalize_name(requirement.name)
        distribution = found.setdefault(name, importlib.metadata.distribution(name))
        for extra in {"", *requirement.extras}:
            if (name, extra) in known:
                continue
            known.add((name, extra))
            needs = [Requirement(line) for line in distribution.requires or ()]
            waiting += [each for each in needs if each.marker is None or each.marker.evaluate({"extra": extra})]
    return found


def _link(distribution: Distribution, modules: Path) -> None:
    """Programs, which lie beside the folder of modules, stay away: they start the Python that they came with."""
    folders: set[Path] = set()
    for path in distribution.files or ():
        source, target = Path(str(distribution.locate_file(path))), modules / path
        if ".." in path.parts or not source.is_file():
            continue
        if target.parent not in folders:
            folders.add(target.parent)
            target.parent.mkdir(parents=True, exist_ok=True)
        with suppress(FileExistsError):  # of a namespace that several packages share
            _link_or_copy(source, target)


def _link_or_copy(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except FileExistsError:
        raise
    except OSError:  # another disk, or one without links
        shutil.copy2(source, target)
