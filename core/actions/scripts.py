"""The scripts by which browsers act when a class is seen: the same on live pages and in exported ones."""

import re
from functools import cache
from pathlib import Path

ACTION_SCRIPTS = ("action_machine", "action_show")  # each comes after those that it imports from

_ASSETS = Path(__file__).parent / "assets"
_IMPORT = re.compile(r"^import [^;]*;\n", re.MULTILINE)
_EXPORT = re.compile(r"^export (?=async |function |class |const )", re.MULTILINE)


def read_script(name: str) -> str:
    """One of `ACTION_SCRIPTS`, as a module that says what it imports."""
    return (_ASSETS / f"{name}.js").read_text(encoding="utf-8")


def joined(scripts: list[str]) -> str:
    """Modules as one script, in which each sees what those before it declare."""
    return "\n".join(_EXPORT.sub("", _IMPORT.sub("", script)) for script in scripts)


@cache
def action_program() -> str:
    """All of `ACTION_SCRIPTS`, joined."""
    return joined([read_script(name) for name in ACTION_SCRIPTS])
