"""What visitors have met: how long they waited, and what went wrong."""

import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from benchmarks.classify import percentile

_MAX_TOLD_CHARS = 600


@dataclass(slots=True, kw_only=True)
class Notes:
    """Of all visitors of one scenario; times in milliseconds."""

    rerun_ms: list[float] = field(default_factory=list)  # from a person's click until the page is there
    answer_ms: list[float] = field(default_factory=list)  # from the start of the upload to the classes
    renewal_ms: list[float] = field(default_factory=list)  # of pages made anew because what they watch has changed
    num_ticks: int = 0  # runs of a page that nobody asked for: its timers did
    num_requests: int = 0  # of components, pictures and uploads
    num_bytes: int = 0  # of Streamlit's messages
    errors: Counter[str] = field(default_factory=Counter)  # by kind
    is_closed: bool = False  # what still happens, such as a connection that is cut at the end, counts no more

    def fail(self, kind: str, text: str) -> None:
        """Count an error; the first of its kind is told on standard error."""
        if self.is_closed:
            return
        self.errors[kind] += 1
        if self.errors[kind] == 1:
            told = text if len(text) <= _MAX_TOLD_CHARS else f"{text[:_MAX_TOLD_CHARS]} …"
            print(f"{time.strftime('%H:%M:%S')} error, {kind}: {told}", file=sys.stderr, flush=True)


def spread(milliseconds: Sequence[float], name: str) -> dict[str, float]:
    """Median and 95th percentile, `<name>_p50_ms` and `<name>_p95_ms`; nothing where nothing was measured."""
    if not milliseconds:
        return {}
    return {f"{name}_p{part}_ms": round(percentile(milliseconds, part / 100), 1) for part in (50, 95)}
