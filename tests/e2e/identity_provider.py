"""A small OpenID Connect provider on this machine: it asks who one is, believes it, and signs real tokens.

Source: https://openid.net/specs/openid-connect-core-1_0.html, the authorization code flow with PKCE.
"""

import base64
import hashlib
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from html import escape
from urllib.parse import urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse
from starlette.routing import Route

CLIENT_ID, CLIENT_SECRET = "bluetit", "a secret of two servers"
PEOPLE = {
    "anna": {"name": "Anna Amsel", "email": "Anna@example.org", "email_verified": True},
    "ben": {"name": "Ben Buchfink", "email": "ben@example.org", "email_verified": True},
}
_START_SECONDS = 30.0


class IdentityProvider:
    """Knows `PEOPLE`, by their subjects."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._key = RSAKey.generate_key(2048, {"kid": "one", "use": "sig", "alg": "RS256"})
        self._codes: dict[str, dict[str, str]] = {}
        self.app = Starlette(
            routes=[
                Route("/.well-known/openid-configuration", self._configuration),
                Route("/keys", self._keys),
                Route("/authorize", self._ask),
                Route("/chosen", self._choose),
                Route("/token", self._token, methods=["POST"]),
                Route("/bye", self._say_bye),
            ]
        )

    @property
    def metadata_url(self) -> str:
        """What a client is told of it."""
        return f"{self.url}/.well-known/openid-configuration"

    async def _configuration(self, _: Request) -> JSONResponse:
        return JSONResponse(
            {
                "issuer": self.url,
                "authorization_endpoint": f"{self.url}/authorize",
                "token_endpoint": f"{self.url}/token",
                "end_session_endpoint": f"{self.url}/bye",
                "jwks_uri": f"{self.url}/keys",
                "response_types_supported": ["code"],
                "subject_types_supported": ["public"],
                "id_token_signing_alg_values_supported": ["RS256"],
                "code_challenge_methods_supported": ["S256"],
            }
        )

    async def _keys(self, _: Request) -> JSONResponse:
        return JSONResponse({"keys": [self._key.as_dict(private=False)]})

    async def _ask(self, request: Request) -> HTMLResponse:
        query = escape(urlencode(dict(request.query_params)))
        links = "".join(f'<p><a href="chosen?{query}&amp;who={who}">{who}</a></p>' for who in PEOPLE)
        return HTMLResponse(f"<!doctype html><title>Who are you?</title><h1>Who are you?</h1>{links}")

    async def _choose(self, request: Request) -> RedirectResponse:
        asked = dict(request.query_params)
        code = secrets.token_urlsafe(16)
        self._codes[code] = asked
        answer = urlencode({"code": code, "state": asked["state"]})
        return RedirectResponse(f"{asked['redirect_uri']}?{answer}", status_code=303)

    async def _say_bye(self, request: Request) -> RedirectResponse:
        return RedirectResponse(request.query_params["post_logout_redirect_uri"], status_code=303)

    async def _token(self, request: Request) -> JSONResponse:
        form = await request.form()
        asked = self._codes.pop(str(form["code"]))
        digest = hashlib.sha256(str(form["code_verifier"]).encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        is_client = request.headers.get("authorization") == f"Basic {basic}"
        if not is_client or challenge != asked["code_challenge"] or form["redirect_uri"] != asked["redirect_uri"]:
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        now = int(time.time())
        claims = {"iss": self.url, "sub": asked["who"], "aud": CLIENT_ID, "iat": now, "exp": now + 600}
        claims |= {"nonce": asked["nonce"], **PEOPLE[asked["who"]]}
        token = jwt.encode({"alg": "RS256", "kid": "one"}, claims, self._key)
        return JSONResponse(
            {"access_token": secrets.token_urlsafe(16), "token_type": "Bearer", "expires_in": 600, "id_token": token}
        )


@contextmanager
def running_identity_provider() -> Iterator[IdentityProvider]:
    """One that answers at its address."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        provider = IdentityProvider(f"http://127.0.0.1:{listening.getsockname()[1]}")
        server = uvicorn.Server(uvicorn.Config(provider.app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        deadline = time.monotonic() + _START_SECONDS
        while not server.started and time.monotonic() < deadline:
            time.sleep(0.02)
        yield provider
        server.should_exit = True
        thread.join()
