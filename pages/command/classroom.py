"""`bluetit class`: a certificate, HTTPS in the local network, and the way in for thirty pupils."""

import asyncio
import contextlib
import datetime
import logging
import os
import socket
import ssl
import sys
import threading
import webbrowser
from collections.abc import Callable
from pathlib import Path

import click
import uvicorn
from streamlit import config as streamlit_config
from streamlit.runtime.runtime_util import get_max_message_size_bytes

from core.environment import load_settings
from core.errors import BluetitError, CertificateError, HostingError
from core.hosting.addresses import NetworkAddress, find_addresses, host_names
from core.hosting.certificate import ServerCertificate, given_certificate, name_to_show, own_certificate
from core.hosting.door import listen
from core.hosting.held import holding_class
from core.hosting.invitation import Invitation, invite
from core.settings import ENVIRONMENT_PREFIX, Settings
from pages.command.banner import banner
from pages.command.class_server import ClassServer
from pages.server.invited import CLASS_START, INVITATION_BOARD
from pages.server.services import whole_services

logger = logging.getLogger(__name__)

_FIRST_PORT = 8501
_PLAIN_PORT = 80  # where browsers look when no port is typed
_LOOK_SECONDS = 10  # from one look at the computer's addresses to the next
_PING_SECONDS = 30  # as Streamlit has it


class ClassHost:
    """This computer as the host of a class: how it is reached, and with which certificate."""

    def __init__(
        self, settings: Settings, port: int, *, needs_port: bool, find: Callable[[], list[NetworkAddress]]
    ) -> None:
        """Look around for the first time.

        Args:
            settings: name the folder of the certificate, or a certificate of the school's own.
            port: at which the server listens.
            needs_port: whether pupils have to type it.
            find: the addresses of this computer, the likeliest first.

        Raises:
            CertificateError: the school's certificate cannot serve.
            StorageError: a certificate cannot be written.
        """
        self._settings = settings
        self._port = port
        self._needs_port = needs_port
        self._find = find
        addresses = find()
        self.certificate = self._certify(addresses)
        self._invitation = self._invite(addresses)
        INVITATION_BOARD.put_up(self._invitation)

    @property
    def start_url(self) -> str:
        """The page for the projector, on this computer."""
        return f"http://localhost:{self._port}/bluetit/{CLASS_START}"

    def look_around(self, context: ssl.SSLContext) -> Invitation | None:
        """Follow the computer into another network, and renew the certificate where that is due.

        Returns:
            What pupils have to type now; None where they type as before.

        Args:
            context: of the server, which gets the certificate where that is made anew.

        Raises:
            CertificateError: the school's certificate cannot serve any more.
            StorageError: a new certificate cannot be written.
        """
        addresses = self._find()
        certificate = self._certify(addresses)
        if certificate != self.certificate:
            # For connections that come from now on.
            context.load_cert_chain(certificate.certificate_path, certificate.key_path)
            self.certificate = certificate
        invitation = self._invite(addresses)
        is_elsewhere = invitation.typed != self._invitation.typed
        self._invitation = invitation
        INVITATION_BOARD.put_up(invitation)
        return invitation if is_elsewhere else None

    def _certify(self, addresses: list[NetworkAddress]) -> ServerCertificate:
        now = datetime.datetime.now(datetime.UTC)
        given, key = self._settings.certificate_file, self._settings.certificate_key_file
        if given is not None and key is not None:
            return given_certificate(given, key, now=now)
        # Long addresses change daily in many networks, and are typed only where there are no short ones.
        short = [str(each.address) for each in addresses if each.address.version == 4]
        lasting = short or [str(each.address) for each in addresses]
        names = (*lasting, *host_names())
        others = [str(each.address) for each in addresses]
        return own_certificate(self._settings.certificate_path, names, others, now=now)

    def _invite(self, addresses: list[NetworkAddress]) -> Invitation:
        name = None
        if self._settings.certificate_file is not None:
            name = name_to_show(self.certificate, host_names())
            if name is None:
                raise CertificateError(
                    f"The certificate in {self._settings.certificate_file} is for no name that can be typed. One for "
                    "the name of this computer was expected."
                )
        return invite(addresses, self._port, name=name, needs_port=self._needs_port)


def hold_class(script_path: Path, *, port: int | None, max_upload_mb: int, opens_browser: bool) -> int:
    """Hold a class until somebody presses Ctrl-C.

    Args:
        script_path: of the app.
        port: the one wanted; None: the usual one, or the next that is free.
        max_upload_mb: largest upload, in megabytes.
        opens_browser: whether this computer's browser shows the page for the projector.

    Returns:
        The code with which the process ends.
    """
    os.environ[f"{ENVIRONMENT_PREFIX}ACCESS"] = "class"
    try:
        settings = load_settings()
        with holding_class(settings.workspace_dir):
            return _serve(settings, script_path, port, max_upload_mb, opens_browser=opens_browser)
    except BluetitError as exc:
        print(exc, file=sys.stderr)
        return 1


def _serve(settings: Settings, script_path: Path, port: int | None, max_upload_mb: int, *, opens_browser: bool) -> int:
    listeners, used_port = listen(_FIRST_PORT if port is None else port, exactly=port is not None)
    # Not everybody may, and another server may have it: then the port is typed.
    plain = [] if port is not None else _listen_where_browsers_look()
    host = ClassHost(settings, used_port, needs_port=not plain, find=find_addresses)
    _configure_streamlit(script_path, used_port, max_upload_mb)

    def begin() -> None:
        classroom, password = whole_services().classroom.hold()
        _show(host, INVITATION_BOARD.current(), classroom.code, password)
        if opens_browser:
            # In a thread of its own: some browsers that are found keep whoever opens them waiting.
            threading.Thread(target=webbrowser.open, args=(host.start_url,), daemon=True).start()

    said: set[str] = set()

    async def look_around() -> None:
        try:
            moved = await asyncio.to_thread(host.look_around, config.ssl)
        except BluetitError as exc:
            if str(exc) not in said:  # once, not at every look
                said.add(str(exc))
                logger.error("%s", exc)
            return
        classroom = await asyncio.to_thread(whole_services().classroom.current)
        if moved is not None and classroom is not None:
            _show(host, moved, classroom.code, None)

    config = uvicorn.Config(
        f"{script_path.stem}:app",
        ssl_certfile=str(host.certificate.certificate_path),
        ssl_keyfile=str(host.certificate.key_path),
        ws="websockets-sansio",  # this and the pings as Streamlit starts it
        ws_ping_interval=_PING_SECONDS,
        ws_ping_timeout=_PING_SECONDS,
        ws_max_size=get_max_message_size_bytes(),
        ws_per_message_deflate=False,
        access_log=False,
        log_level="warning",
        callback_notify=look_around,
        timeout_notify=_LOOK_SECONDS,
    )
    server = ClassServer(config, [*listeners, *plain], used_port, begin)
    with contextlib.suppress(KeyboardInterrupt):  # which comes once more after the server has ended in peace
        server.run()
    if server.failure is not None:
        raise server.failure
    print("The class is closed. What was made in it is kept; bluetit class opens it again.")
    return 0


def _listen_where_browsers_look() -> list[socket.socket]:
    """On the port that nobody has to type, where this computer has it to give."""
    try:
        return listen(_PLAIN_PORT, exactly=True)[0]
    except HostingError:
        return []


def _configure_streamlit(script_path: Path, port: int, max_upload_mb: int) -> None:
    """Tell Streamlit what its own command tells it from options and files."""
    sys.path.insert(0, str(script_path.parent))
    streamlit_config._main_script_path = str(script_path)  # beside which `.streamlit/config.toml` is looked for
    options = {
        "server.port": port,
        "server.headless": True,  # the command opens the browser itself
        "server.baseUrlPath": "",
        "server.maxUploadSize": max_upload_mb,
        # A page of another site that pretends to be here has no certificate for its name, and no cookie of here.
        "server.allowedHosts": ["*"],
    }
    streamlit_config.get_config_options(force_reparse=True, options_from_flags=options)


def _show(host: ClassHost, invitation: Invitation | None, code: str, password: str | None) -> None:
    if invitation is None:
        return
    has_blocks = _can_print("█▀▄─│┌┐└┘")
    # Without its colours where the terminal has none, and as old consoles of Windows want them.
    click.echo(banner(invitation, code, password, start_url=host.start_url, has_blocks=has_blocks))


def _can_print(characters: str) -> bool:
    try:
        characters.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True
