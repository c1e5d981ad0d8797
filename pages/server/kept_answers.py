"""Answers that a browser waits for reach it, whatever the page does meanwhile.

When a page is made anew, Streamlit throws away the messages of the run before that it has not sent yet, and with them
its answers to what the browser has asked: where to put files that somebody has chosen, for one. The browser asks once,
and an upload that is not answered is never begun.
"""

import functools
from collections.abc import Callable

from streamlit.runtime.forward_msg_queue import ForwardMsgQueue

_ANSWERS = frozenset({"file_urls_response", "backend_operation_response"})

Clear = Callable[..., None]


def keep_answers() -> None:
    """Have Streamlit keep them, from now on and in all sessions; does nothing the second time."""
    clear: Clear = ForwardMsgQueue.clear
    if not hasattr(clear, "__wrapped__"):
        ForwardMsgQueue.clear = _keeping_answers(clear)  # type: ignore[method-assign]


def _keeping_answers(clear: Clear) -> Clear:
    @functools.wraps(clear)
    def clear_others(
        self: ForwardMsgQueue, retain_lifecycle_msgs: bool = False, fragment_ids_this_run: list[str] | None = None
    ) -> None:
        # Asked for nothing to be kept, what is there has just been sent.
        answers = [m for m in self._queue if m.WhichOneof("type") in _ANSWERS] if retain_lifecycle_msgs else []
        clear(self, retain_lifecycle_msgs, fragment_ids_this_run)
        kept = set(map(id, self._queue))
        self._queue[:0] = [answer for answer in answers if id(answer) not in kept]

    return clear_others
