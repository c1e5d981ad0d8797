"""What is counted while a server works, for whoever watches over it with Prometheus; `docs/monitoring.md` lists all.

Counting costs a microsecond and asks nobody: what has to be looked up is gathered when somebody asks
(`core.monitoring.gathering`). Nothing here names a person, a photo or a space.
"""

import logging

from prometheus_client import CollectorRegistry, Counter, Histogram, disable_created_metrics

disable_created_metrics()  # type: ignore[no-untyped-call]  # when each figure was made, which nobody asks

# Of this server alone, without what the library says of the Python process unless that is wanted.
REGISTRY = CollectorRegistry()

ANSWER_SECONDS = Histogram(
    "bluetit_answer_seconds",
    "From a photo's turn to its classes: decoding it and asking the network.",
    buckets=(0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0),
    registry=REGISTRY,
)
PAGE_WAIT_SECONDS = Histogram(
    "bluetit_page_wait_seconds",
    "From a click, or from a renewal, to the page's turn to be made.",
    ("kind",),  # click or renewal
    buckets=(0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0),
    registry=REGISTRY,
)
PAGE_SECONDS = Histogram(
    "bluetit_page_seconds",
    "Making a page, once its turn has come.",
    buckets=(0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0),
    registry=REGISTRY,
)
ERRORS = Counter(
    "bluetit_errors",
    "Errors in the server's log, by the part that wrote them.",
    ("component",),
    registry=REGISTRY,
)

_NUM_PARTS = 2  # of a logger's name that say which component it is: "core.storage"
_OUR_PARTS = ("core", "pages")


class ErrorCounter(logging.Handler):
    """Counts what is logged as an error, by component; what libraries log is one component each."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)

    def emit(self, record: logging.LogRecord) -> None:
        """Count one."""
        parts = record.name.split(".")
        ERRORS.labels(".".join(parts[: _NUM_PARTS if parts[0] in _OUR_PARTS else 1])).inc()


def count_errors() -> None:
    """Count the errors of this process from now on; does nothing the second time."""
    root = logging.getLogger()
    if not any(isinstance(handler, ErrorCounter) for handler in root.handlers):
        root.addHandler(ErrorCounter())
