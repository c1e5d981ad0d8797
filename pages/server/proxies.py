"""Which servers in front are believed when they say who asks: those of this computer, and those that a setting names.

Whoever connects can write `X-Forwarded-For`. Streamlit's web server believes what comes from this computer by itself.
Source: https://www.uvicorn.org/settings/#http
"""

from starlette.types import ASGIApp
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from core.environment import load_settings
from core.errors import SettingsError


def believing_named_proxies(app: ASGIApp) -> ASGIApp:
    """ASGI middleware by which requests come from whoever a named server in front says that they come from."""
    try:
        named = list(load_settings().trusted_proxies)
    except SettingsError:
        named = []  # every page says what is wrong with the settings
    return ProxyHeadersMiddleware(app, named)  # type: ignore[arg-type, return-value]  # the same thing by other names
