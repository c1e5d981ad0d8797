"""How much the browsers of all visitors may send at once: Streamlit keeps each upload in memory until a page takes it.

Thirty pupils who send an archive of 200 MB at the same moment would take 6 GB, and the server with them.
"""

from collections.abc import Callable

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from streamlit.runtime import Runtime
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager

MAX_BYTES = 2_000_000_000  # of a laptop with 8 GB; one upload alone may have half of it

_UPLOADS = "/_stcore/upload_file/"
_WORDS = "Many are sending files at this moment. Wait a moment, then send this one again; nothing else is lost."


class UploadBudget:
    """ASGI middleware that refuses an upload while so many others arrive or wait that memory would not suffice.

    Used in the server's event loop only.
    """

    def __init__(
        self, app: ASGIApp, *, max_bytes: int = MAX_BYTES, num_bytes_waiting: Callable[[], int] | None = None
    ) -> None:
        self._app = app
        self._max_bytes = max_bytes
        self._num_bytes_waiting = num_bytes_waiting or _num_bytes_waiting
        self._num_bytes_arriving = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it before its body is read (429); one that is alone is always let through."""
        if not is_upload(scope):
            await self._app(scope, receive, send)
            return
        said = Headers(scope=scope).get("content-length", "")
        # One that does not say how long it is counts as if it filled what is left.
        num_bytes = int(said) if said.isascii() and said.isdecimal() else self._max_bytes
        others = self._num_bytes_arriving + self._num_bytes_waiting()
        if others and others + num_bytes > self._max_bytes:
            await PlainTextResponse(_WORDS, status_code=429, headers={"Retry-After": "5"})(scope, receive, send)
            return
        self._num_bytes_arriving += num_bytes
        try:
            await self._app(scope, receive, send)
        finally:
            self._num_bytes_arriving -= num_bytes


def is_upload(scope: Scope) -> bool:
    """Whether a request brings a file for a page."""
    return scope["type"] == "http" and scope["method"] == "PUT" and _UPLOADS in scope["path"]


def _num_bytes_waiting() -> int:
    """Bytes of uploads that have arrived and that no page has taken yet."""
    if not Runtime.exists():
        return 0
    manager = Runtime.instance().uploaded_file_mgr
    if not isinstance(manager, MemoryUploadedFileManager):
        return 0
    return sum(len(file.data) for files in list(manager.file_storage.values()) for file in list(files.values()))
