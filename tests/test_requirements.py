"""What `pyproject.toml` asks for, and what `constraints.txt` pins."""

import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.conftest import PROJECT_DIR


def requirements() -> dict[str, Requirement]:
    """What the app itself needs, by name."""
    project = tomllib.loads((PROJECT_DIR / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    found = [Requirement(text) for text in project["dependencies"]]
    return {canonicalize_name(requirement.name): requirement for requirement in found}


def pins() -> dict[str, str]:
    """Versions by name."""
    lines = (PROJECT_DIR / "constraints.txt").read_text(encoding="utf-8").splitlines()
    found = [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]
    return {canonicalize_name(pin.name): next(iter(pin.specifier)).version for pin in found}


@pytest.mark.parametrize(
    ("name", "holed"),
    [
        ("pillow", "12.9"),
        ("keras", "3.15.0"),
        ("pillow-heif", "1.2.9"),
        ("python-multipart", "0.0.26"),
        ("starlette", "0.99"),
    ],
)
def test_versions_with_known_holes_are_excluded(name: str, holed: str) -> None:
    """These read what strangers send; nobody gets an old one because another package was content with it."""
    assert not requirements()[name].specifier.contains(holed)


def test_the_pins_are_what_is_asked_for() -> None:
    """An installation with the constraints fits the lower bounds, and knows every package that is asked for."""
    pinned = pins()
    assert [name for name, each in requirements().items() if not each.specifier.contains(pinned[name])] == []
