"""Who uses Bluetit alone is not asked for anything: so nobody else may reach it.

The server does not start where it would listen for others, whoever told it to: an option, a variable, a file, a
container. What counts is not what it was told but where it really listens, and in the end where a request came in.
"""

import ipaddress
import json
import sys
from collections.abc import Iterable

import psutil
from starlette.types import ASGIApp, Receive, Scope, Send

from core.environment import load_settings
from core.errors import SettingsError

_ALONE = "alone"


def refusal_to_listen(access: str, addresses: Iterable[str]) -> str | None:
    """Why the server must not start; None: it may.

    Args:
        access: who may use Bluetit, as the setting says.
        addresses: at which the server listens.
    """
    strangers = [address for address in addresses if not is_of_this_computer(address)]
    if access != _ALONE or not strangers:
        return None
    return (
        f"Bluetit does not start: at {', '.join(strangers)} others could reach it, and BLUETIT_ACCESS is “alone”, "
        "which asks nobody anything; leave --server.address at localhost, or set BLUETIT_ACCESS to “class” (a teacher "
        "and pupils, best by the command bluetit class), “accounts” (people with an account) or “open” (whoever comes)."
    )


def is_of_this_computer(address: str) -> bool:
    """Whether only this computer itself reaches an address; names that are no addresses are of tests and sockets."""
    try:
        read = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return True
    mapped = read.ipv4_mapped if read.version == 6 else None
    return (mapped or read).is_loopback


def stay_among_those_let_in() -> str:
    """End this process where it listens for others than its access is for; to be called before anybody is answered.

    Returns:
        Who may use Bluetit; “alone” where the settings cannot be read, which every page then says.
    """
    try:
        access = load_settings().access
    except SettingsError:
        access = _ALONE
    refusal = refusal_to_listen(access, _listening_addresses())
    if refusal is not None:
        sys.exit(refusal)
    return access


class OnlyThisComputer:
    """ASGI middleware that answers nobody else while access is “alone”.

    Some servers begin to listen only once the app has started, so that it could not look before.
    """

    def __init__(self, app: ASGIApp, access: str) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on if it came in at an address of this computer alone."""
        server = scope.get("server")
        refusal = refusal_to_listen(self._access, [server[0]] if server else [])
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": 1008, "reason": ""})
        else:
            body = json.dumps({"error": refusal}, ensure_ascii=False).encode()
            headers = [(b"content-type", b"application/json"), (b"cache-control", b"no-store")]
            await send({"type": "http.response.start", "status": 403, "headers": headers})
            await send({"type": "http.response.body", "body": body})


def _listening_addresses() -> list[str]:
    connections = psutil.Process().net_connections(kind="tcp")
    return sorted({each.laddr.ip for each in connections if each.status == psutil.CONN_LISTEN})
