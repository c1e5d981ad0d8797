"""How long a rerun of a page takes that is open already."""

import os
import runpy
import statistics
import time
from collections.abc import Mapping
from pathlib import Path

from streamlit.runtime.context import ContextProxy
from streamlit.runtime.scriptrunner import script_runner
from streamlit.testing.v1 import AppTest

from benchmarks.train import tell

_APP = Path(__file__).parent.parent / "streamlit_app.py"
_PAGE_SECONDS = 60
_NUM_RERUNS = 7


def page_rerun_ms(page: str, address: Mapping[str, str]) -> float:
    """Median time of a rerun of a page that is open already, milliseconds."""
    tell(f"the page {page}")
    os.environ.setdefault("STREAMLIT_BROWSER_GATHER_USAGE_STATS", "false")
    # Without it the test runner runs a page alone and not through the entry point, as a server does.
    script_runner._mpa_v1 = lambda path: runpy.run_path(path, run_name="__main__")
    # Nor has it a browser that could have kept cookies.
    ContextProxy.cookies = property(lambda _: {})
    app = AppTest.from_file(str(_APP), default_timeout=_PAGE_SECONDS)
    app.run()
    app.switch_page(f"pages/{page}/page.py")
    for name, value in address.items():
        app.query_params[name] = value
    app.run()
    if app.exception:
        raise SystemExit(f"The page {page} failed: {app.exception[0].value}")
    milliseconds = []
    for _ in range(_NUM_RERUNS):
        started = time.perf_counter()
        app.run()
        milliseconds.append(1000 * (time.perf_counter() - started))
    return round(statistics.median(milliseconds), 1)
