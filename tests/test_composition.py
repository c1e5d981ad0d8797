"""What `compose.yaml` and `Containerfile` name is there, for no container engine runs where these tests do."""

import re

import pytest

from core.settings import ENVIRONMENT_PREFIX, describe
from tests.conftest import PROJECT_DIR

COMPOSE = (PROJECT_DIR / "compose.yaml").read_text(encoding="utf-8")
CONTAINERFILE = (PROJECT_DIR / "Containerfile").read_text(encoding="utf-8")
# Of whoever starts the composition, not of Bluetit.
OWN = {"BLUETIT_HOST", "BLUETIT_PORT"}


def test_every_variable_is_a_setting() -> None:
    """A setting that is renamed is renamed there, too."""
    named = set(re.findall(rf"\b{ENVIRONMENT_PREFIX}[A-Z_]+\b", COMPOSE + CONTAINERFILE)) - OWN
    assert named - {row.variable for row in describe()} == set()
    assert {"BLUETIT_DATABASE_URL", "BLUETIT_STORE_URL", "BLUETIT_MAX_WORKERS"} <= named


@pytest.mark.parametrize("name", re.findall(r"^COPY (.+) \S+$", CONTAINERFILE, re.MULTILINE))
def test_what_is_copied_is_there(name: str) -> None:
    """And every part that the package consists of is copied."""
    assert all((PROJECT_DIR / each).exists() for each in name.split())


def test_the_balancer_is_that_of_the_documentation() -> None:
    """With the servers' addresses, which are theirs for good."""
    front = (PROJECT_DIR / "docs" / "nginx-balanced.conf").read_text(encoding="utf-8")
    replaced = re.findall(r"-e 's/([^/']+)/([^/']+)/'", COMPOSE)
    assert [new for _, new in replaced] == ["10.88.77.11:8501", "10.88.77.12:8501", "server_name _;"]
    assert all(re.search(old, front) for old, _ in replaced)
    # sed changes the first of a line: the cookie names a server as the configuration does, and it has that address.
    assert all(line.count("127.0.0.1") < 2 for line in front.splitlines())
    assert re.findall(r"page-\d: .*ipv4_address: ([\d.]+)}", COMPOSE) == ["10.88.77.11", "10.88.77.12"]
    extras = re.search(r'-e "\.\[(.+)\]"', CONTAINERFILE)
    assert extras is not None
    project = (PROJECT_DIR / "pyproject.toml").read_text(encoding="utf-8")
    assert all(re.search(rf"^{extra} = \[", project, re.MULTILINE) for extra in extras[1].split(","))
