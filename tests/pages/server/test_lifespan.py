"""How the server starts: connections without delay, libraries that are there before the first visitor."""

import json
import socket
import subprocess
import sys

from pages.server.lifespan import send_at_once
from tests.conftest import PROJECT_DIR


def test_connections_send_at_once():
    """Streamlit's socket leaves small messages waiting for the acknowledgement of those before, 40 ms each time."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        send_at_once()
        with socket.create_connection(listening.getsockname()) as browser, listening.accept()[0] as accepted:
            assert accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            assert not browser.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_what_goes_wrong_is_in_the_log():
    """With the part that says so, once, although errors are counted, too."""
    code = (
        "import logging\n"
        "from core.metrics import count_errors\n"
        "from pages.server.lifespan import tell_in_log\n"
        "count_errors(); tell_in_log(); tell_in_log()\n"
        "logging.getLogger('core.storage').warning('The database is away.')"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_DIR, capture_output=True, text=True, check=True)
    assert ran.stderr.count("WARNING core.storage: The database is away.") == 1


def test_pages_are_loaded_before_anybody_visits_and_none_is_run():
    """Visitors who come at the same moment would meet libraries that are loaded half; pages are run when loaded."""
    code = (
        "import json, sys\n"
        "from pages.server.lifespan import load_early\n"
        "load_early()\n"
        "print(json.dumps(list(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=PROJECT_DIR, capture_output=True, text=True, check=True)
    loaded = set(json.loads(ran.stdout))
    assert {"pandas", "plotly.graph_objects", "pages.train.start", "pages.dataset.ways_in.photos"} <= loaded
    assert not {name for name in loaded if name.startswith("pages.") and name.endswith(".page")}
