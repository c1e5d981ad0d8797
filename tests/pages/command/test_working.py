"""A host that only works, as a process of its own."""

import os
import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.postgresql_server import PostgreSQLServer
from core.datasets.library import Library
from core.datasets.tasks import CHECK_KIND
from core.environment import to_environment
from core.jobs.queue import TaskQueue
from core.settings import Settings
from core.storage.db import open_database
from core.task_kinds import TASK_KINDS
from pages.command.main import run
from tests.conftest import POSTGRESQL_PROGRAMS, PROJECT_DIR
from tests.waiting import TIMEOUT_SECONDS, wait_until


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({}, "set BLUETIT_DATABASE_URL to theirs"),
        ({"BLUETIT_DATABASE_URL": "postgresql+psycopg://nobody@host/name", "BLUETIT_MAX_WORKERS": "0"}, "is 0"),
    ],
)
def test_what_cannot_work_is_refused(
    variables: dict[str, str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """In a sentence that says what to set, before anything is begun."""
    monkeypatch.setenv("BLUETIT_WORKSPACE_DIR", str(tmp_path))
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert run(["worker"]) == 2
    assert sentence in capsys.readouterr().err


@pytest.mark.skipif(POSTGRESQL_PROGRAMS is None, reason="needs PostgreSQL: it is not installed")
@pytest.mark.skipif(sys.platform == "win32", reason="Windows cannot ask a process to stop")
def test_work_of_a_server_elsewhere_is_done(tmp_path: Path, postgresql: PostgreSQLServer) -> None:
    """A task that a page asks for is done, and the host ends in peace when it is told to, with its workers."""
    settings = Settings(workspace_dir=tmp_path / "workspace", database_url=postgresql.new_database())
    command = [sys.executable, "-m", "pages.command", "worker"]
    log_path = tmp_path / "worker.log"
    with closing(open_database(settings)) as database, log_path.open("wb") as log:
        queue = TaskQueue(database, TASK_KINDS)
        dataset_id = Library(database).datasets.create("Birds").id
        process = subprocess.Popen(
            command, cwd=PROJECT_DIR, env={**os.environ, **to_environment(settings)}, stdout=log, stderr=log
        )
        try:
            number = queue.submit(CHECK_KIND, {"dataset_id": dataset_id})
            wait_until(lambda: not queue.get(number).is_active)
            assert queue.get(number).status == "done", queue.get(number).error
            process.send_signal(signal.SIGTERM)
            assert process.wait(TIMEOUT_SECONDS) == 0
            assert queue.live_workers(1e9) == []
        finally:
            process.kill()
    assert "postgres" in log_path.read_text()
