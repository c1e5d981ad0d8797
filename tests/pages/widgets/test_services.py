"""The services of a server process."""

import pytest

from core.environment import to_environment
from core.errors import StorageError
from core.settings import Settings
from pages.server import services
from pages.server.services import close_services, get_services, stop_services


@pytest.fixture(autouse=True)
def own_settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """A workspace of the test's own, and a server that runs again afterwards."""
    close_services()
    for name, value in to_environment(settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(services, "_stopping", type(services._stopping)())


def test_a_typing_error_is_told_at_the_start(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """Once, in the log of the server, and the services open all the same."""
    monkeypatch.setenv("BLUETIT_MAX_WORKER", "2")
    get_services()
    get_services()
    close_services()
    assert caplog.text.count("BLUETIT_MAX_WORKER is no setting and changes nothing; was BLUETIT_MAX_WORKERS") == 1


def test_a_late_page_does_not_open_a_stopped_server_again(settings: Settings) -> None:
    """A tab reruns by itself while the server stops: it is told so, and no worker is started for it."""
    get_services()
    stop_services()
    with pytest.raises(StorageError, match="being stopped"):
        get_services()
    stop_services()
    assert services._opened == []
