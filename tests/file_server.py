"""A web server on 127.0.0.1 that offers the files of a folder, and can be told to misbehave."""

import functools
import http.server
import threading
from pathlib import Path
from types import TracebackType


class FileServer:
    """Serves until the `with` block ends."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.paths: list[str] = []
        self.headers: dict[str, str] = {}  # sent with every file
        self.stall_after_bytes: int | None = None
        self.announced_bytes: int | None = None  # a lie about the length
        self.stopping = threading.Event()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Handler, owner=self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "FileServer":
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stopping.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    def __init__(self, *arguments: object, owner: FileServer) -> None:
        self.owner = owner
        super().__init__(*arguments)  # type: ignore[arg-type]

    def do_GET(self) -> None:
        self.owner.paths.append(self.path)
        path = self.owner.folder / Path(self.path).name
        if not path.is_file():
            self.send_error(404)
            return
        content = path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(self.owner.announced_bytes or len(content)))
        for name, value in self.owner.headers.items():
            self.send_header(name, value)
        self.end_headers()
        try:
            self.wfile.write(content[: self.owner.stall_after_bytes])
            if self.owner.stall_after_bytes is not None:
                self.owner.stopping.wait(10)
        except ConnectionError:
            self.close_connection = True  # the client hung up, as it should

    def log_message(self, *_: object) -> None:
        """Say nothing: pytest shows what matters."""
