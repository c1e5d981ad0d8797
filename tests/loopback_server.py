"""A web server on 127.0.0.1 that misbehaves on request, for tests that must not need the internet.

@pytest.fixture
def server():
    with LoopbackServer() as running:
        yield running

server.url("/photo.jpg")   # see `_Handler.ROUTES` for what else there is
"""

import contextlib
import http.server
import io
import threading
import time
import urllib.parse
import zlib
from types import TracebackType

from PIL import Image

# No route goes on for longer, even if a client forgets to hang up.
MAX_ROUTE_SECONDS = 120.0


def photo_bytes() -> bytes:
    """A small real JPEG."""
    target = io.BytesIO()
    Image.new("RGB", (32, 24), (40, 90, 200)).save(target, "JPEG")
    return target.getvalue()


class LoopbackServer:
    """Serves until the `with` block ends; `requests` lists (path, headers) of what was asked for."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.photo = photo_bytes()
        self.stopping = threading.Event()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.owner = self
        # A short poll, or every test would wait half a second for the end.
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def port(self) -> int:
        return self._server.server_address[1]

    @property
    def host_and_port(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def paths(self) -> list[str]:
        """What was asked for, in order."""
        return [path for path, _ in self.requests]

    def url(self, path: str) -> str:
        return f"http://{self.host_and_port}{path}"

    def redirect_to(self, target: str) -> str:
        """A link that redirects to any other."""
        return self.url("/redirect-to?" + urllib.parse.quote(target, safe=""))

    def use_tls(self, context) -> None:
        """Speak https from now on; call it before the first request."""
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)

    def __enter__(self) -> "LoopbackServer":
        self._thread.start()
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()  # waits for the threads of the requests


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = False  # or their sockets would be left open: ResourceWarning
    owner: LoopbackServer

    def server_bind(self) -> None:
        # HTTPServer's own asks DNS for this computer's name, which is slow without a network.
        super(http.server.HTTPServer, self).server_bind()
        self.server_name, self.server_port = self.server_address[:2]

    def handle_error(self, request, client_address) -> None:
        """Clients hang up on purpose here; that is not worth a traceback."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server

    def log_message(self, format: str, *args) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        owner = self.server.owner
        owner.requests.append((self.path, {name.lower(): value for name, value in self.headers.items()}))
        self.close_connection = True
        path, _, query = self.path.partition("?")
        name = path.strip("/").split("/")[0].split(".")[0].replace("-", "_")
        with contextlib.suppress(ConnectionError):
            getattr(self, f"answer_{name}", self.answer_unknown)(path, query)

    # Well behaved

    def answer_photo(self, path: str, query: str) -> None:
        self._send(self.server.owner.photo, "image/jpeg")

    def answer_disposition(self, path: str, query: str) -> None:
        """The query is the Content-Disposition header, UTF-8 bytes."""
        value = urllib.parse.unquote_to_bytes(query).decode("latin-1")
        self._send(self.server.owner.photo, "image/png", {"Content-Disposition": value})

    def answer_chunked(self, path: str, query: str) -> None:
        self._head({"Content-Type": "image/jpeg", "Transfer-Encoding": "chunked"})
        photo = self.server.owner.photo
        for start in range(0, len(photo), 100):
            chunk = photo[start : start + 100]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(chunk), chunk))
        self.wfile.write(b"0\r\n\r\n")

    def answer_redirect(self, path: str, query: str) -> None:
        self._redirect("/photo.jpg")

    # Slow

    def answer_drip(self, path: str, query: str) -> None:
        """One byte of the photo every 50 ms."""
        self._head({"Content-Type": "image/jpeg", "Content-Length": "100000"})
        self._drip()

    def answer_drip_head(self, path: str, query: str) -> None:
        """One byte of a header that never ends every 50 ms."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        self._drip()

    def answer_stalled(self, path: str, query: str) -> None:
        """No answer at all."""
        self._wait(MAX_ROUTE_SECONDS)

    def answer_stalled_body(self, path: str, query: str) -> None:
        """Half of the photo, then silence."""
        photo = self.server.owner.photo
        self._head({"Content-Type": "image/jpeg", "Content-Length": str(len(photo))})
        self.wfile.write(photo[: len(photo) // 2])
        self._wait(MAX_ROUTE_SECONDS)

    # Too much, too little

    def answer_endless(self, path: str, query: str) -> None:
        """Bytes for as long as somebody reads them, without saying how many."""
        self._head({"Content-Type": "image/jpeg"})
        self._pour(b"\xff" * 65536)

    def answer_endless_head(self, path: str, query: str) -> None:
        """Headers for as long as somebody reads them."""
        self.wfile.write(b"HTTP/1.1 200 OK\r\n")
        self._pour(b"X-More: " + b"x" * 1000 + b"\r\n")

    def answer_huge(self, path: str, query: str) -> None:
        """Announces a terabyte."""
        self._head({"Content-Type": "image/jpeg", "Content-Length": str(10**12)})
        self._pour(b"\xff" * 65536)

    def answer_short(self, path: str, query: str) -> None:
        """Announces more bytes than it sends."""
        self._head({"Content-Type": "image/jpeg", "Content-Length": "100000"})
        self.wfile.write(self.server.owner.photo)

    def answer_empty(self, path: str, query: str) -> None:
        self._send(b"", "image/jpeg")

    def answer_gzip(self, path: str, query: str) -> None:
        """A gzip body of 100 kB that unpacks to 100 MB."""
        packer = zlib.compressobj(9, wbits=31)
        body = b"".join(packer.compress(bytes(1_000_000)) for _ in range(100)) + packer.flush()
        self._send(body, "image/jpeg", {"Content-Encoding": "gzip"})

    # Something else

    def answer_page(self, path: str, query: str) -> None:
        self._send(b"<!DOCTYPE html><html><img src=/photo.jpg></html>", "text/html; charset=utf-8")

    def answer_disguised_page(self, path: str, query: str) -> None:
        """A web page that calls itself a photo."""
        self._send(b"\n<!doctype HTML><html></html>", "image/jpeg")

    def answer_status(self, path: str, query: str) -> None:
        """/status/404 answers with that status and a page."""
        self._send(b"<html>no</html>", "text/html", status=int(path.rpartition("/")[2]))

    def answer_not_http(self, path: str, query: str) -> None:
        self.wfile.write(b"220 mail.example.org ESMTP\r\n")

    def answer_hang_up(self, path: str, query: str) -> None:
        """Closes without a byte."""

    def answer_redirect_loop(self, path: str, query: str) -> None:
        self._redirect("/redirect-loop")

    def answer_redirect_to(self, path: str, query: str) -> None:
        self._redirect(urllib.parse.unquote(query))

    def answer_unknown(self, path: str, query: str) -> None:
        self._send(b"<html>not found</html>", "text/html", status=404)

    # How

    def _head(self, headers: dict[str, str], status: int = 200) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()

    def _send(self, body: bytes, media_type: str, headers: dict[str, str] | None = None, status: int = 200) -> None:
        own = {"Content-Type": media_type, "Content-Length": str(len(body))}
        self._head({**own, **(headers or {})}, status)
        self.wfile.write(body)

    def _redirect(self, target: str) -> None:
        self._head({"Location": target, "Content-Length": "0"}, 302)

    def _drip(self) -> None:
        end = time.monotonic() + MAX_ROUTE_SECONDS
        while time.monotonic() < end and not self._wait(0.05):
            self.wfile.write(b"x")

    def _pour(self, piece: bytes) -> None:
        end = time.monotonic() + MAX_ROUTE_SECONDS
        while time.monotonic() < end and not self.server.owner.stopping.is_set():
            self.wfile.write(piece)

    def _wait(self, seconds: float) -> bool:
        """True if the server is about to stop."""
        return self.server.owner.stopping.wait(seconds)
