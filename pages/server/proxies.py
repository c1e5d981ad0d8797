"""Which servers in front are believed when they say who asks: those that a setting names, and nobody else.

Whoever connects can write `X-Forwarded-For`. The web server takes such headers from some addresses, before a request
reaches us, and lets them be named by a variable of the environment only.
Source: https://www.uvicorn.org/settings/#http
"""

import os

from core.environment import load_settings
from core.errors import SettingsError

_VARIABLE = "FORWARDED_ALLOW_IPS"


def trust_named_proxies() -> None:
    """Tell the web server, which reads this when it starts."""
    try:
        named = load_settings().trusted_proxies
    except SettingsError:
        named = ()  # every page says what is wrong with the settings
    os.environ[_VARIABLE] = ",".join(named)
