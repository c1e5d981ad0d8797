"""Heat maps of stored photos, which the browser fetches by itself: a page that shows many of them is made at once.

The address carries the model's fingerprint and the photo's hash, so that it never changes and cannot be guessed.
"""

import asyncio
import logging
import re
from concurrent.futures import ThreadPoolExecutor

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from core.errors import BluetitError, DatasetError, RunFileError
from core.inference.heatmap import overlay
from core.photos.fit import thumbnail_jpeg
from core.services import Services
from pages.server.json_routes import whole_number
from pages.server.photo_routes import routes_path, routes_prefix
from pages.server.services import services_of
from pages.server.visitor import visitor_of

logger = logging.getLogger(__name__)

_HASH = re.compile(r"[0-9a-f]{64}")
_SIDE_PX = 320
_HEADERS = {
    "Cache-Control": "private, max-age=31536000, immutable",
    "Cross-Origin-Resource-Policy": "same-origin",  # as for the photos themselves
}
# A network without a linear head is asked dozens of times for one map.
_MAX_THREADS = 2
_threads = ThreadPoolExecutor(_MAX_THREADS, thread_name_prefix="heat")


def heat_url(run_id: int, fingerprint: str, class_index: int, photo_hash: str) -> str:
    """Address of a photo with the evidence for a class laid over it.

    Args:
        run_id: whose model is asked.
        fingerprint: of that model (`ModelRecord.fingerprint`): browsers keep the picture for a year.
        class_index: position of the class among the model's outputs.
        photo_hash: of a stored photo.
    """
    return f"{routes_prefix()}/heat/{run_id}/{fingerprint}/{class_index}/{photo_hash}.jpg"


async def _send_heat(request: Request) -> Response:
    run_id, class_index = (whole_number(request.path_params[name]) for name in ("run_id", "class_index"))
    fingerprint, photo_hash = request.path_params["fingerprint"], request.path_params["photo_hash"]
    if run_id is None or class_index is None or not _HASH.fullmatch(photo_hash):
        return _not_found()
    loop = asyncio.get_running_loop()
    jpeg = await loop.run_in_executor(
        _threads, _heat, run_id, fingerprint, class_index, photo_hash, visitor_of(request)
    )
    return _not_found() if jpeg is None else Response(jpeg, media_type="image/jpeg", headers=_HEADERS)


def _heat(run_id: int, fingerprint: str, class_index: int, photo_hash: str, visitor: str | None) -> bytes | None:
    """JPEG of the square that the model sees, heat laid over it; None where model or photo cannot be used."""
    try:
        return heat_jpeg(run_id, fingerprint, class_index, photo_hash, services_of(visitor))
    except BluetitError as exc:
        logger.warning("No heat map of photo %s by run %d: %s", photo_hash, run_id, exc)
        return None


def heat_jpeg(run_id: int, fingerprint: str, class_index: int, photo_hash: str, services: Services) -> bytes:
    """What the address of `heat_url` leads to.

    Raises:
        RunFileError: the model is damaged, is another one by now, or has no such class.
        DatasetError: the photo is not there, or its file was changed.
        ArtefactMissingError: the model needs a network that is not prepared.
    """
    photo = services.library.photos.get([photo_hash]).get(photo_hash)
    if photo is None:
        raise DatasetError(f"The photo {photo_hash[:12]} is not in the workspace any more.")
    classifier = services.classifiers.get_trained(run_id)
    if classifier.record.fingerprint != fingerprint or class_index >= len(classifier.classes.labels):
        raise RunFileError(f"The model of run {run_id} is another one by now. Open its results again.")
    square = classifier.square(services.photo_store.read(photo.hash, photo.suffix), photo_hash[:12])
    return thumbnail_jpeg(overlay(square, classifier.heat(square, class_index)), _SIDE_PX)


def _not_found() -> Response:
    return PlainTextResponse("There is no such heat map.", status_code=404, headers={"Cache-Control": "no-store"})


HEAT_ROUTES = [Route(f"{routes_path()}/heat/{{run_id}}/{{fingerprint}}/{{class_index}}/{{photo_hash}}.jpg", _send_heat)]
