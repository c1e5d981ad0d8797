"""Links taken apart: what may be read at all, and how it is written for a server."""

import re
import unicodedata
import urllib.parse
from dataclasses import dataclass

import idna

from core.errors import LinkRefusedError

# A signed link to cloud storage has up to 2,000 characters.
MAX_LINK_CHARS = 8_000

DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A link taken apart; messages show `host` only, for the rest may hold somebody's key."""

    scheme: str  # http or https
    host: str  # lower-case ASCII, IPv6 without brackets
    port: int
    target: str  # path and query as sent, percent-encoded

    @property
    def host_and_port(self) -> str:
        """The host as people and servers write it; the port only where it is not the usual one."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def url(self) -> str:
        """The whole address."""
        return f"{self.scheme}://{self.host_and_port}{self.target}"


# "localhost:8501/a.jpg" has a port, not a scheme.
_SCHEME = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*):(?!\d+(?:[/?#]|$))")
_HOST = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*|[0-9a-f:.]*:[0-9a-f:.]*")
# Everything that may stand in a path or query, the percent sign of what is encoded already included.
_SAFE_IN_TARGET = "/%:@!$&'()*+,;=~-._?"


def parse_link(url: str, noun: str) -> Link:
    """Take a link apart.

    Args:
        url: as people write it; without a scheme https is meant.
        noun: what messages call that which is expected behind the link.

    Raises:
        LinkRefusedError: it is not http(s), has a password in it, or cannot be understood.
    """
    text = url.strip()
    if not text:
        raise LinkRefusedError("The link is empty; an address such as https://example.org/bird.jpg is needed.")
    scheme_match = _SCHEME.match(text)
    scheme = scheme_match[1].lower() if scheme_match else "https"
    if scheme not in DEFAULT_PORTS:
        raise LinkRefusedError(
            f"The link begins with {scheme[:20]!r}; only links beginning with http: or https: are read. "
            "To use a file from this computer, upload it."
        )
    if len(text) > MAX_LINK_CHARS:
        raise LinkRefusedError(
            f"The link has {len(text):,} characters; at most {MAX_LINK_CHARS:,} are accepted. {upload_remedy(noun)}"
        )
    # Cs: halves of characters, which cannot be sent
    if any(unicodedata.category(char) in ("Cc", "Cs") for char in text):
        raise LinkRefusedError("The link has line breaks or control characters in it. Copy it again.")
    if not scheme_match:
        text = "https:" + text if text.startswith("//") else "https://" + text
    try:
        parts = urllib.parse.urlsplit(text)
        port = parts.port
    except ValueError as exc:
        raise LinkRefusedError("The link cannot be understood: its host or port is wrong. Copy it again.") from exc
    if "@" in parts.netloc:
        raise LinkRefusedError(
            f"The link has a user name or password in it (before the @). Such links are not read. {upload_remedy(noun)}"
        )
    return Link(
        scheme=scheme,
        host=_ascii_host(parts.hostname or ""),
        port=DEFAULT_PORTS[scheme] if port is None else port,
        target=urllib.parse.quote(parts.path or "/", safe=_SAFE_IN_TARGET)
        + (urllib.parse.quote("?" + parts.query, safe=_SAFE_IN_TARGET) if parts.query else ""),
    )


def _ascii_host(host: str) -> str:
    """A host as DNS knows it: "müller.de" becomes "xn--mller-kva.de"."""
    if not host.isascii():
        try:
            host = idna.encode(host, uts46=True).decode("ascii")
        except (idna.IDNAError, UnicodeError) as exc:
            raise LinkRefusedError(f"The link's host {host[:80]!r} is not a possible name. Copy it again.") from exc
    host = host.removesuffix(".")
    if not _HOST.fullmatch(host):
        raise LinkRefusedError(
            f"The link's host {host[:80]!r} is not a possible name; an address such as "
            "https://example.org/bird.jpg is needed."
        )
    return host


def upload_remedy(noun: str) -> str:
    """How to get what is behind a link without Bluetit, a sentence."""
    return f"Download the {noun} with your browser and upload the file instead."
