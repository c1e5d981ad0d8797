"""A web server on 127.0.0.1 with one large file, which misbehaves as told, request by request."""

import http.server
import re
import threading
from dataclasses import dataclass, field
from types import TracebackType

_MAX_WAIT_SECONDS = 20.0


@dataclass(kw_only=True)
class Act:
    """How one request is answered."""

    status: int | None = None  # an error instead of the file
    knows_range: bool = True
    ignores_if_range: bool = False
    send_bytes: int | None = None  # so many bytes of the body, then what `then` says
    then: str = "hang up"  # "hang up", "stall" or "drip"
    announced_bytes: int | None = None  # a lie about the length
    announces_length: bool = True
    range_start: int | None = None  # a lie about where the answer begins
    range_total: int | None = None  # a lie about the length of the whole file
    redirect: str | None = None
    new_content: bytes | None = None  # from this request on the file is another one
    piece_seconds: float = 0.0  # pause after each 20,000 bytes


@dataclass(kw_only=True)
class Request:
    """What was asked for."""

    path: str
    headers: dict[str, str] = field(default_factory=dict)


class DownloadServer:
    """Serves until the `with` block ends; the first requests are answered by `acts`, all others well."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.contents: dict[str, bytes] = {}  # other files, by path
        self.etag: str | None = '"version 1"'
        self.last_modified: str | None = None
        self.media_type = "application/zip"
        self.acts: list[Act] = []
        self.requests: list[Request] = []
        self.stopping = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def host_and_port(self) -> str:
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def ranges(self) -> list[str | None]:
        """The Range header of each request."""
        return [request.headers.get("range") for request in self.requests]

    def url(self, path: str = "/birds.zip") -> str:
        return f"http://{self.host_and_port}{path}"

    def __enter__(self) -> "DownloadServer":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = False  # or their sockets would be left open: ResourceWarning
    owner: DownloadServer

    def server_bind(self) -> None:
        # HTTPServer's own asks DNS for this computer's name, which is slow without a network.
        super(http.server.HTTPServer, self).server_bind()
        self.server_name, self.server_port = self.server_address[:2]

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients hang up on purpose here."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        owner = self.server.owner
        headers = {name.lower(): value for name, value in self.headers.items()}
        owner.requests.append(Request(path=self.path, headers=headers))
        act = owner.acts.pop(0) if owner.acts else Act()
        self.close_connection = True
        if act.new_content is not None:
            owner.content, owner.etag = act.new_content, '"version 2"'
        if act.redirect is not None:
            self._head(302, {"Location": act.redirect, "Content-Length": "0"})
        elif act.status is not None:
            self._head(act.status, {"Content-Length": "0"})
        else:
            self._send_file(act, headers)

    def _send_file(self, act: Act, headers: dict[str, str]) -> None:
        owner = self.server.owner
        content = owner.contents.get(self.path, owner.content)
        start = self._start_of(act, headers, content)
        answer = {"Content-Type": owner.media_type, "ETag": owner.etag, "Last-Modified": owner.last_modified}
        if start is not None:
            shown = start if act.range_start is None else act.range_start
            answer["Content-Range"] = f"bytes {shown}-{len(content) - 1}/{act.range_total or len(content)}"
        body = content[start or 0 :]
        if act.announces_length:
            answer["Content-Length"] = str(len(body) if act.announced_bytes is None else act.announced_bytes)
        self._head(200 if start is None else 206, {name: value for name, value in answer.items() if value})
        body = body if act.send_bytes is None else body[: act.send_bytes]
        for position in range(0, len(body), 20_000):
            self.wfile.write(body[position : position + 20_000])
            if act.piece_seconds:
                owner.stopping.wait(act.piece_seconds)
        if act.send_bytes is not None:
            self._misbehave(act.then)

    def _start_of(self, act: Act, headers: dict[str, str], content: bytes) -> int | None:
        asked = re.fullmatch(r"bytes=(\d+)-", headers.get("range", ""))
        is_same = act.ignores_if_range or headers.get("if-range") in (
            self.server.owner.etag,
            self.server.owner.last_modified,
        )
        return int(asked[1]) if asked and is_same and act.knows_range and int(asked[1]) < len(content) else None

    def _misbehave(self, how: str) -> None:
        if how == "stall":
            self.server.owner.stopping.wait(_MAX_WAIT_SECONDS)
        elif how == "drip":
            while not self.server.owner.stopping.wait(0.02):
                self.wfile.write(b"x")

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
