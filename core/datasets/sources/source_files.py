"""What every source of photos gives: files, one after the other."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """A file on its way into a dataset; it has either its bytes or the reason why it is refused."""

    path: str  # relative, with forward slashes, the class folder included where there is one
    data: bytes | None = None  # not decoded yet
    reason: str | None = None  # for people
    url: str | None = None  # where it was found on the web
