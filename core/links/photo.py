"""One photo from a link, read into memory."""

from collections.abc import Callable
from dataclasses import dataclass

from core.errors import LinkFailedError
from core.links.answer import Answer, check_head, empty_file_error, looks_like_web_page, too_large_error, web_page_error
from core.links.connection import open_link
from core.links.data_address import is_data_address, read_data_address
from core.links.file_names import file_name, held_name
from core.links.watch import Watch
from core.settings import Settings

COMPRESSIONS = frozenset(("gzip", "x-gzip", "deflate", "br", "zstd", "compress", "x-compress"))


@dataclass(frozen=True, slots=True, kw_only=True)
class FetchedPhoto:
    """The bytes behind a link, not decoded yet."""

    name: str  # a file name fit for people and folders, at most `MAX_NAME_CHARS`
    data: bytes  # at least one
    url: str  # the address that delivered them, after all redirects; empty if the link held them itself


def fetch_photo(url: str, settings: Settings, *, cancelled: Callable[[], bool] | None = None) -> FetchedPhoto:
    """Read the file behind a link.

    Args:
        url: an http or https address, without a scheme https is meant; or a data address, which holds the photo.
        settings: the `link_...` settings and `max_photo_bytes` count.
        cancelled: asked a few times per second whether to give up.

    Raises:
        LinkRefusedError: the link, or one it redirects to, is not http(s), has a password in it, or leads to
            an address that is not public and not in `link_allowed_private_hosts`.
        LinkFailedError: the server cannot be reached, takes too long, answers with an error, a web page or
            too many bytes, redirects too often, or `cancelled` said so.
    """
    if is_data_address(url):
        held = read_data_address(url, settings.max_photo_bytes)
        return FetchedPhoto(name=held_name(held), data=held.data, url="")
    watch = Watch(url, settings.link_timeout_seconds, cancelled=cancelled)
    with open_link(watch, settings, headers={"Accept": "image/*,*/*;q=0.1"}) as answer:
        check_head(answer, watch, settings.max_photo_bytes)
        _check_encoding(answer, watch)
        data = _read_body(answer, watch, settings.max_photo_bytes)
    if looks_like_web_page(data):
        raise web_page_error(answer.link, watch)
    return FetchedPhoto(name=file_name(answer), data=data, url=answer.link.url)


def _check_encoding(answer: Answer, watch: Watch) -> None:
    encoding = answer.headers.get("content-encoding", "").strip()
    if encoding.lower() in COMPRESSIONS:
        raise LinkFailedError(
            f"{answer.link.host} sends the photo packed ({encoding[:20]}) although that was not asked for. "
            f"{watch.remedy}"
        )


def _read_body(answer: Answer, watch: Watch, max_bytes: int) -> bytes:
    data = bytearray()
    for chunk in answer.body:
        data += chunk
        if len(data) > max_bytes:
            raise too_large_error(answer.link, watch, max_bytes)
    if not data:
        raise empty_file_error(answer.link, watch)
    return bytes(data)
