"""Pictures and sounds that are shown and heard when a camera sees a class; see docs/kiosk.md.

The name of a file is the hash of its bytes, so that browsers may keep it. What it is was found out from the bytes when
it was chosen, and browsers are told to believe nothing else.
"""

import asyncio
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response

from core.errors import ActionError, UnknownRunError
from pages.server.json_routes import Rate, json_route
from pages.server.photo_routes import routes_prefix
from pages.server.services import services_of

ACTION_RATE = Rate(per_second=20, burst=100)
_TYPES = {".jpg": "image/jpeg", ".wav": "audio/wav", ".mp3": "audio/mpeg", ".ogg": "audio/ogg"}
_HEADERS = {
    "Cache-Control": "private, max-age=31536000, immutable",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}
_NOT_THERE = "This picture or sound is not here, or not yours."


def action_url(run_id: int, file_name: str) -> str:
    """Address of a picture or sound of a run's model, relative to the page."""
    return f"{routes_prefix()}/runs/{run_id}/actions/{file_name}"


def send_action_file(path: Path) -> Response:
    """The file as a browser plays it, piece by piece if it asks so."""
    return FileResponse(path, media_type=_TYPES[path.suffix], headers=_HEADERS)


async def _send(request: Request, visitor: str) -> Response:
    run_id, file_name = request.path_params["run_id"], str(request.path_params["file_name"])
    if run_id > 2**63 - 1:
        raise UnknownRunError(_NOT_THERE)
    try:
        path = await asyncio.to_thread(lambda: services_of(visitor).actions.file_path(run_id, file_name))
    except (ActionError, UnknownRunError) as exc:
        raise UnknownRunError(_NOT_THERE) from exc
    return send_action_file(path)


ACTION_ROUTES = [json_route("/runs/{run_id:int}/actions/{file_name}", _send, rate=ACTION_RATE)]
