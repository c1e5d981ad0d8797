"""One deadline for everything that happens to a link."""

import time
from collections.abc import Callable

from core.errors import LinkBrokenError, LinkFailedError
from core.links.address import parse_link, upload_remedy

# How often a wait looks whether it is still wanted.
POLL_SECONDS = 0.2


class Watch:
    """One deadline for everything that happens to a link, and the visitor's wish to stop."""

    def __init__(
        self, url: str, seconds: float, *, noun: str = "photo", cancelled: Callable[[], bool] | None = None
    ) -> None:
        """Take a link apart and begin to count the time.

        Args:
            url: an http or https address; without a scheme https is meant.
            seconds: until the deadline.
            noun: what messages call that which is expected behind the link.
            cancelled: asked a few times per second whether to give up; may raise an error of its own.

        Raises:
            LinkRefusedError: the link is not http(s), has a password in it, or cannot be understood.
        """
        self.noun = noun
        self.link = parse_link(url, noun)
        self.seconds = seconds
        self._cancelled = cancelled
        self.restart()

    @property
    def remedy(self) -> str:
        """How to get what is behind the link without Bluetit, a sentence."""
        return upload_remedy(self.noun)

    def restart(self) -> None:
        """Begin to count the time anew."""
        self._deadline = time.monotonic() + self.seconds

    def remaining_seconds(self) -> float:
        """Time left, above 0.

        Raises:
            LinkBrokenError: the time is over.
            LinkFailedError: the visitor does not want the answer any more.
        """
        if self._cancelled is not None and self._cancelled():
            raise LinkFailedError(f"Reading the link to {self.link.host} was stopped.")
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise self.timeout_error()
        return remaining

    def next_wait_seconds(self) -> float:
        """How long to wait before asking again; raises like `remaining_seconds`."""
        return min(self.remaining_seconds(), POLL_SECONDS)

    def timeout_error(self) -> LinkBrokenError:
        """The error for a deadline that has passed."""
        return LinkBrokenError(
            f"{self.link.host} did not deliver the {self.noun} within {self.seconds:g} seconds. "
            f"Try again later. Or: {self.remedy}"
        )
