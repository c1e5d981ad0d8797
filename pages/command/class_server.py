"""The web server of a class: Streamlit's own, behind a door that serves HTTPS and knows plain HTTP."""

import asyncio
import socket
from collections.abc import Callable, Sequence

import uvicorn

from core.errors import BluetitError
from core.hosting.door import Door

_HANDSHAKE_SECONDS = 20.0  # on a phone, over a weak Wi-Fi, with thirty at once


class ClassServer(uvicorn.Server):
    """Serves the app to whoever comes through the door."""

    def __init__(
        self, config: uvicorn.Config, listeners: Sequence[socket.socket], port: int, begin: Callable[[], None]
    ) -> None:
        """Prepare to serve.

        Args:
            config: with certificate and key.
            listeners: sockets that listen; closed at the end.
            port: the one of them that the address names.
            begin: called once, in a thread, when the app has started; where it raises a `BluetitError` the server ends.
        """
        super().__init__(config)
        self.failure: BluetitError | None = None  # why the server has ended
        self._door = Door(listeners, port, self._admit)
        self._begin = begin
        self._coming_in: set[asyncio.Task[None]] = set()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the app, then open the door."""
        await super().startup(sockets=[])  # it listens nowhere itself
        self._loop = asyncio.get_running_loop()
        self._door.open()
        try:
            await asyncio.to_thread(self._begin)
        except BluetitError as exc:
            self.failure = exc
            self.should_exit = True
            await self.shutdown()
            self.started = False  # nothing is left to be shut down

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the door, then wait for those inside as ever."""
        await asyncio.to_thread(self._door.close)
        await super().shutdown(sockets=None)

    def _admit(self, connection: socket.socket, is_tls: bool) -> None:
        """Of the door, in its thread."""
        try:
            self._loop.call_soon_threadsafe(self._take_in, connection, is_tls)
        except RuntimeError:  # the server has ended in the meantime
            connection.close()

    def _take_in(self, connection: socket.socket, is_tls: bool) -> None:
        task = self._loop.create_task(self._connect(connection, is_tls=is_tls))
        self._coming_in.add(task)
        task.add_done_callback(self._coming_in.discard)

    async def _connect(self, connection: socket.socket, *, is_tls: bool) -> None:
        security = {"ssl": self.config.ssl, "ssl_handshake_timeout": _HANDSHAKE_SECONDS} if is_tls else {}
        try:
            await self._loop.connect_accepted_socket(self._protocol, connection, **security)
        except OSError:
            # Gone again, or not willing to trust the certificate: that is so until somebody has pressed the button.
            connection.close()

    def _protocol(self) -> asyncio.Protocol:
        make = self.config.http_protocol_class
        return make(config=self.config, server_state=self.server_state, app_state=self.lifespan.state, _loop=self._loop)
