"""Whether a server is alive and ready, and its figures for whoever has the token."""

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import create_engine, text

from core.jobs.queue import TaskQueue
from core.metrics import count_errors
from core.settings import Settings
from core.storage.db import Database, open_database
from core.task_kinds import TASK_KINDS
from pages.server import stopping, watch_over
from pages.server.watch_over import WATCH_OVER_ROUTES
from tests.conftest import PROJECT_DIR
from tests.pages.server.route_visits import fetch

pytestmark = pytest.mark.both_databases

TOKEN = "a-token-that-nobody-guesses"


@pytest.fixture
def database(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    opened = open_database(settings)
    services = SimpleNamespace(database=opened, settings=replace(settings, metrics_token=TOKEN))
    monkeypatch.setattr(watch_over, "services_if_open", lambda: services)
    yield opened
    opened.close()


def figures(told: str) -> dict[str, float]:
    """Every figure by its name and labels."""
    return {
        f"{sample.name}{sorted(sample.labels.values())}": sample.value
        for family in text_string_to_metric_families(told)
        for sample in family.samples
    }


def test_a_server_that_answers_is_alive(database: Database) -> None:
    """Whatever else is the matter with it; its database may be away for a while."""
    assert fetch("/bluetit/health", WATCH_OVER_ROUTES).status_code == 200


def test_a_server_is_ready_once_visitors_can_be_served(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not while it is starting, and not once it has been told to stop."""
    assert fetch("/bluetit/ready", WATCH_OVER_ROUTES).json() == {"ready": True, "missing": None}
    monkeypatch.setattr(stopping, "_signals", {15})
    answer = fetch("/bluetit/ready", WATCH_OVER_ROUTES)
    assert (answer.status_code, answer.json()) == (503, {"ready": False, "missing": "stopping"})
    monkeypatch.setattr(stopping, "_signals", set())
    monkeypatch.setattr(watch_over, "services_if_open", lambda: None)
    answer = fetch("/bluetit/ready", WATCH_OVER_ROUTES)
    assert (answer.status_code, answer.json()) == (503, {"ready": False, "missing": "services"})


def test_a_database_of_a_newer_version_is_told(database: Database) -> None:
    """While an update is under way, the servers that are still to be replaced serve nobody new."""
    with database.session() as session:
        known = session.scalar(text("SELECT version_num FROM alembic_version"))
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    answer = fetch("/bluetit/ready", WATCH_OVER_ROUTES)
    with database.session() as session:
        session.execute(text("UPDATE alembic_version SET version_num = :known"), {"known": known})
    assert (answer.status_code, answer.json()) == (503, {"ready": False, "missing": "version"})


def test_figures_are_for_whoever_has_the_token(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where none is set, there are none; nobody learns more by asking."""
    for header in ("", "Bearer wrong", TOKEN):
        assert fetch("/metrics", WATCH_OVER_ROUTES, authorization=header).status_code == 401
    services = watch_over.services_if_open()
    assert services is not None
    services.settings = replace(services.settings, metrics_token="")
    for header in ("", "Bearer ", f"Bearer {TOKEN}"):
        assert fetch("/metrics", WATCH_OVER_ROUTES, authorization=header).status_code == 404


def test_the_figures_are_those_of_the_queue(database: Database) -> None:
    """Tasks by lane, the one that waits longest, and errors by the part that logged them."""
    queue = TaskQueue(database, TASK_KINDS)
    for number in range(3):
        queue.submit("check_dataset", {"dataset_id": number}, key=f"check_dataset:{number}")
    queue.submit("prepare_backbone", {"backbone": "EfficientNetLite0"})
    count_errors()
    count_errors()
    before = figures(fetch("/metrics", WATCH_OVER_ROUTES, authorization=f"Bearer {TOKEN}").text)
    logging.getLogger("core.storage.db").error("a test's error")
    after = figures(fetch("/metrics", WATCH_OVER_ROUTES, authorization=f"Bearer {TOKEN}").text)
    assert after["bluetit_tasks['photos', 'queued']"] == 3
    assert after["bluetit_tasks['networks', 'queued']"] == 1
    assert after["bluetit_tasks['photos', 'running']"] == 0
    assert 0 <= after["bluetit_oldest_waiting_task_seconds['photos']"] < 60
    assert after["bluetit_database_up[]"] == 1
    name = "bluetit_errors_total['core.storage']"
    assert after[name] - before.get(name, 0.0) == 1


def test_a_database_that_is_away_is_told(database: Database, tmp_path: Path) -> None:
    """The server is alive and not ready, and its own figures are told all the same."""
    database.close()
    if database.engine.dialect.name == "sqlite":
        path = Path(str(database.engine.url.database))
        for each in path.parent.glob(f"{path.name}*"):
            each.unlink()
        path.mkdir()
    else:
        services = watch_over.services_if_open()
        assert services is not None
        services.database = replace(database, engine=create_engine(database.engine.url.set(database="not_here")))
    assert fetch("/bluetit/health", WATCH_OVER_ROUTES).status_code == 200
    answer = fetch("/bluetit/ready", WATCH_OVER_ROUTES)
    assert (answer.status_code, answer.json()) == (503, {"ready": False, "missing": "database"})
    told = fetch("/metrics", WATCH_OVER_ROUTES, authorization=f"Bearer {TOKEN}").text
    assert figures(told)["bluetit_database_up[]"] == 0
    assert "bluetit_answer_seconds_count" in told


def test_the_documents_know_every_figure(database: Database) -> None:
    """The table in docs/monitoring.md, and the dashboard, name figures that there are, and the table all of them."""
    told = fetch("/metrics", WATCH_OVER_ROUTES, authorization=f"Bearer {TOKEN}").text
    families = {family.name for family in text_string_to_metric_families(told)}
    names = {name if name != "bluetit_errors" else "bluetit_errors_total" for name in families}
    table = (PROJECT_DIR / "docs" / "monitoring.md").read_text("utf-8")
    assert set(re.findall(r"^\| `(bluetit_\w+)", table, re.MULTILINE)) == names
    dashboard = (PROJECT_DIR / "docs" / "grafana-dashboard.json").read_text("utf-8")
    expressions = [target["expr"] for panel in json.loads(dashboard)["panels"] for target in panel["targets"]]
    shown = {re.sub("_(bucket|count)$", "", name) for text in expressions for name in re.findall(r"bluetit_\w+", text)}
    assert shown == names
