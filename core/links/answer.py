"""What a server says, and whether that is the file that was expected."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass

from core.errors import LinkBrokenError, LinkFailedError
from core.links.address import Link
from core.links.watch import Watch

# With these the next try may succeed.
PASSING_STATUSES = frozenset((408, 429, 500, 502, 503, 504))


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the server behind a link says, after all redirects."""

    link: Link  # the address that answers
    status: int
    headers: dict[str, str]  # names in lower case
    body: Iterator[bytes]  # to be read while the link is open


_STATUS_REMEDIES = {
    401: "It asks for a password. {remedy}",
    403: "It does not give the {noun} to programs, only to browsers or people who are logged in. {remedy}",
    404: "There is nothing at this address (any more). Check the link.",
    410: "The {noun} was removed. Look for another one.",
    429: "It wants to be asked less often. Wait a few minutes and try again.",
    451: "It may not give the {noun} for legal reasons. Look for another one.",
}


def check_head(answer: Answer, watch: Watch, max_bytes: int, *, statuses: Collection[int] = (200,)) -> None:
    """Refuse an answer that is an error, a web page, or too large by its own account.

    Args:
        answer: of which no byte of the body has been read yet.
        watch: knows what was expected.
        max_bytes: largest body that is accepted.
        statuses: those that are no errors; 206, a part of the file, is one unless that was asked for.

    Raises:
        LinkBrokenError: the server has a problem that may pass.
        LinkFailedError: any other.
    """
    host, status = answer.link.host, answer.status
    if status not in statuses:
        remedy = _STATUS_REMEDIES.get(
            status,
            "It has a problem of its own. Try again later." if status >= 500 else "Check the link. Or: {remedy}",
        ).format(noun=watch.noun, remedy=watch.remedy)
        error = LinkBrokenError if status in PASSING_STATUSES else LinkFailedError
        raise error(f"{host} answered with status {status} instead of a {watch.noun}. {remedy}")
    if media_type(answer.headers) in ("text/html", "application/xhtml+xml"):
        raise web_page_error(answer.link, watch)
    declared = answer.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > max_bytes:
        raise too_large_error(answer.link, watch, max_bytes)


def empty_file_error(link: Link, watch: Watch) -> LinkFailedError:
    """The error for an answer without a byte."""
    return LinkFailedError(f"{link.host} delivered an empty file (0 bytes). Check the link. Or: {watch.remedy}")


def too_large_error(link: Link, watch: Watch, max_bytes: int) -> LinkFailedError:
    """The error for an answer of too many bytes."""
    return LinkFailedError(
        f"The {watch.noun} from {link.host} has more than {max_bytes / 1e6:,.1f} MB, the most that is read. "
        "Download it with your browser, save a smaller copy and upload that."
    )


def web_page_error(link: Link, watch: Watch) -> LinkFailedError:
    """The error for an answer that is made for a browser."""
    return LinkFailedError(
        f"The link to {link.host} leads to a web page, not to a {watch.noun}: "
        "right-click the photo and copy the image address."
    )


def looks_like_web_page(head: bytes) -> bool:
    """Whether the first bytes of a file are those of a web page, whatever the server calls it."""
    return head[:512].lstrip().lower().startswith((b"<!doctype html", b"<html"))


def media_type(headers: dict[str, str]) -> str:
    """Kind of the file as the server says it, such as image/png; empty where it says nothing."""
    return headers.get("content-type", "").partition(";")[0].strip().lower()
