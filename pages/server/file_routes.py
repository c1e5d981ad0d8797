"""Large files that people take away: exported datasets, projects and models, sent from the disk a piece at a time.

Rows are numbered, and a number can be guessed. So each address carries a mark that only this process can make: whoever
was shown a file can fetch it, until the server starts anew.
"""

import asyncio
import hashlib
import hmac
import io
import logging
import secrets
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from core.datasets.exporting import export_path, safe_file_name
from core.errors import BluetitError, NotLetInError, UnknownDatasetError, UnknownRunError
from core.export.bundle import labels_name, write_bundle
from core.export.exports import zip_path
from core.export.formats import find_format
from core.export.run_files import RUN_FILES, find_run_file
from core.projects.layout import SUFFIX
from core.projects.places import is_project_of, project_path
from core.runs.folder import RunFolder
from core.services import Services
from core.spaces.taking_home import class_zip_path
from pages.server.class_role import class_of_teacher
from pages.server.photo_routes import routes_path, routes_prefix
from pages.server.services import services_of, told_to, whole_services
from pages.server.visitor import visitor_of

logger = logging.getLogger(__name__)

# Parts of a model besides the files of `core.export.run_files`; a bundle of all is made while somebody waits for it.
LABELS, EVERYTHING = "labels", "everything"

_SECRET = secrets.token_bytes(32)
_PIECE_BYTES = 256 * 1024
_HEADERS = {
    "Cache-Control": "private, no-cache",
    "Cross-Origin-Resource-Policy": "same-origin",  # as for the photos themselves
    # What a server on the way would pack piece by piece has no length, and cannot be gone on with after a break.
    "Content-Encoding": "identity",
}
_GONE = "This file is not there any more. Load the page anew; it offers to make the file again."
_FAILED = "The file could not be made. The server's log says why."

_MAX_THREADS = 2  # each reads and writes as fast as the disk
_threads = ThreadPoolExecutor(_MAX_THREADS, thread_name_prefix="files")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Offer:
    """A file as it is on the disk, or as it is to be made."""

    name: str  # for the person
    media_type: str
    paths: tuple[Path, ...]  # the file; those of which one must be there, where it is to be made
    write: Callable[[IO[bytes]], None] | None = None  # makes it
    refusal: str | None = None  # for the person: why nobody gets it


def dataset_url(dataset_id: int, revision: int) -> str:
    """Address of a dataset's zip.

    Args:
        dataset_id: whose photos are in it.
        revision: of the dataset when it was exported.
    """
    return _url("datasets", dataset_id, str(revision))


def project_url(dataset_id: int, file_name: str) -> str:
    """Address of a project file.

    Args:
        dataset_id: whose photos are in it.
        file_name: as `ProjectDesk.file_name` gives it.
    """
    return _url("projects", dataset_id, file_name)


def model_url(run_id: int, part: str) -> str:
    """Address of a file of a run's model.

    Args:
        run_id: whose model it is.
        part: name of a file of `core.export.run_files`, `LABELS`, or a zip of `EVERYTHING`.
    """
    return _url("models", run_id, part)


def export_url(run_id: int, name: str) -> str:
    """Address of the zip of a run's model in a format.

    Args:
        run_id: whose model it is.
        name: of the format in `core.export.formats`.
    """
    return _url("exports", run_id, name)


def class_url(classroom_id: int) -> str:
    """Address of the zip with the projects of a class, for its teacher."""
    return _url("classes", classroom_id, "projects")


def _url(kind: str, row_id: int, part: str) -> str:
    return f"{routes_prefix()}/files/{_mark(kind, str(row_id), part)}/{kind}/{row_id}/{part}"


def _mark(kind: str, row_id: str, part: str) -> str:
    return hmac.new(_SECRET, f"{kind}/{row_id}/{part}".encode(), hashlib.sha256).hexdigest()


async def _send_file(request: Request) -> Response:
    kind, row_id, part = (request.path_params[name] for name in ("kind", "row_id", "part"))
    is_shown = hmac.compare_digest(request.path_params["mark"].encode(), _mark(kind, row_id, part).encode())
    if not is_shown:
        return _refusal(_GONE, 404)
    in_thread = asyncio.get_running_loop().run_in_executor
    try:
        offer = await in_thread(_threads, _find, kind, int(row_id), part, visitor_of(request))
        if offer is None:
            return _refusal(_GONE, 404)
        if offer.refusal is not None:
            return _refusal(told_to(visitor_of(request), offer.refusal), 409)
        headers = _HEADERS | {"Content-Disposition": f"attachment; filename*=utf-8''{quote(offer.name, safe='')}"}
        if offer.write is None:
            return FileResponse(offer.paths[0], media_type=offer.media_type, headers=headers)
        if request.method == "HEAD":
            return StreamingResponse(iter(()), media_type=offer.media_type, headers=headers)
        file, num_bytes = await in_thread(_threads, _make, offer.write)
        headers["Content-Length"] = str(num_bytes)
        return StreamingResponse(_pieces(file), media_type=offer.media_type, headers=headers)
    except (UnknownDatasetError, UnknownRunError, NotLetInError):
        return _refusal(_GONE, 404)
    except (BluetitError, OSError) as exc:
        logger.error("%s %s cannot be taken away: %s", kind, row_id, exc)
        return _refusal(_FAILED, 500)


def _find(kind: str, row_id: int, part: str, visitor: str | None) -> _Offer | None:
    """What an address leads to; None where the file is gone."""
    offer = _OFFERS[kind](row_id, part, services_of(visitor))
    is_there = offer.refusal is not None or any(path.is_file() for path in offer.paths)
    return offer if is_there else None


def _dataset(dataset_id: int, part: str, services: Services) -> _Offer:
    dataset, revision = services.library.datasets.get(dataset_id), int(part)
    # What was exported before the dataset changed is not what its page shows now.
    paths = (export_path(services.settings, dataset),) if dataset.revision == revision else ()
    return _Offer(name=f"{safe_file_name(dataset.name)}.zip", media_type="application/zip", paths=paths)


def _project(dataset_id: int, file_name: str, services: Services) -> _Offer:
    dataset = services.library.datasets.get(dataset_id)
    is_its_own = is_project_of(file_name, dataset)
    return _Offer(
        name=f"{safe_file_name(dataset.name)}{SUFFIX}",
        media_type="application/octet-stream",  # as a zip, some browsers unpack it at once
        paths=(project_path(services.settings, file_name),) if is_its_own else (),
    )


def _model(run_id: int, part: str, services: Services) -> _Offer:
    title, folder = services.runs.get_run(run_id).name, RunFolder(services.settings, run_id)
    name = safe_file_name(title)
    if part == EVERYTHING:
        return _Offer(
            name=f"{name}.zip",
            media_type="application/zip",
            paths=(*(folder.file(row.file_name) for row in RUN_FILES), folder.labels_path),
            write=lambda target: write_bundle(target, title, folder),
        )
    if part == LABELS:
        file_name, path = labels_name(title), folder.labels_path
    else:
        row = find_run_file(part)
        file_name, path = f"{name}{row.suffix}", folder.file(row.file_name)
    return _Offer(name=file_name, media_type="application/octet-stream", paths=(path,))


def _export(run_id: int, name: str, services: Services) -> _Offer:
    """A zip that lies there, or is made now; already when the page asks, which then lets the browser fetch it."""
    title, folder, row = services.runs.get_run(run_id).name, RunFolder(services.settings, run_id), find_format(name)
    return _Offer(
        name=f"{safe_file_name(f'{title} {row.title}')}.zip",
        media_type="application/zip",
        paths=(zip_path(folder, row),),
        refusal=_obtain(run_id, name, services),
    )


def _obtain(run_id: int, name: str, services: Services) -> str | None:
    try:
        return services.exports.obtain(run_id, name)
    except UnknownRunError:
        raise
    except BluetitError as exc:
        logger.error("The export %s of run %d could not be made: %s", name, run_id, exc)
        return str(exc)


def _class(classroom_id: int, _part: str, services: Services) -> _Offer:
    _, classroom = class_of_teacher(services)
    if classroom.id != classroom_id:
        raise NotLetInError("This is of another class.")
    return _Offer(
        name="Projects of the class.zip",
        media_type="application/zip",
        paths=(class_zip_path(services.settings, classroom_id),),
    )


_OFFERS = {"datasets": _dataset, "projects": _project, "models": _model, "exports": _export, "classes": _class}


def _make(write: Callable[[IO[bytes]], None]) -> tuple[IO[bytes], int]:
    """A file without a name, which is gone when it is closed, and its length in bytes."""
    folder = whole_services().settings.cache_path  # and not where the system puts such files, which may be in memory
    folder.mkdir(parents=True, exist_ok=True)
    with ExitStack() as closing:
        file = closing.enter_context(tempfile.TemporaryFile(dir=folder))
        write(file)
        num_bytes = file.seek(0, io.SEEK_END)
        file.seek(0)
        closing.pop_all()  # whoever sends it closes it
    return file, num_bytes


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(_PIECE_BYTES):
            yield piece


def _refusal(text: str, status: int) -> Response:
    return PlainTextResponse(text, status_code=status, headers={"Cache-Control": "no-store"})


FILE_ROUTES = [Route(f"{routes_path()}/files/{{mark}}/{{kind}}/{{row_id}}/{{part}}", _send_file)]
