"""Routes for whoever runs a server: is it alive, is it ready for visitors, and its figures for Prometheus.

A balancer asks the first two; they say nothing of what is inside. The figures are for those who have the token of the
settings.
"""

import asyncio
import hmac
import json
import logging

from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from core.errors import BluetitError, NewerDatabaseError
from core.monitoring.gathering import metrics_text
from core.storage.schema_version import refuse_newer_tables
from core.task_kinds import TASK_KINDS
from pages.server.json_routes import ANSWER_HEADERS
from pages.server.photo_routes import base_path, routes_path
from pages.server.services import services_if_open
from pages.server.stopping import is_stopping

logger = logging.getLogger(__name__)

_DATABASE_SECONDS = 2.0  # a database that takes longer is not there for visitors either
_BEARER = "Bearer "


async def _send_health(_: Request) -> Response:
    """The process answers: whoever starts servers need not start another in its place."""
    return PlainTextResponse("ok\n", headers=ANSWER_HEADERS)


async def _send_readiness(_: Request) -> Response:
    missing = await _missing()
    told = json.dumps({"ready": missing is None, "missing": missing})
    return Response(told, 200 if missing is None else 503, ANSWER_HEADERS, "application/json")


async def _missing() -> str | None:
    """What keeps visitors from being served, in a word; None: nothing."""
    if is_stopping():
        return "stopping"  # those who are here are served to the end; others go to another server
    services = services_if_open()
    if services is None:
        return "services"
    try:
        await asyncio.wait_for(asyncio.to_thread(refuse_newer_tables, services.database), _DATABASE_SECONDS)
    except TimeoutError:
        logger.warning("Not ready: the database has not answered within %.0f s.", _DATABASE_SECONDS)
        return "database"
    except BluetitError as exc:
        logger.warning("Not ready: %s", exc)
        return "version" if isinstance(exc, NewerDatabaseError) else "database"
    return None


async def _send_metrics(request: Request) -> Response:
    services = services_if_open()
    token = "" if services is None else services.settings.metrics_token
    given = request.headers.get("authorization", "")
    if services is None or not token:
        return PlainTextResponse("There is nothing here.\n", 404, ANSWER_HEADERS)
    if not hmac.compare_digest(given.encode(), f"{_BEARER}{token}".encode()):
        refused = {**ANSWER_HEADERS, "WWW-Authenticate": "Bearer"}
        return PlainTextResponse("Figures are for whoever has BLUETIT_METRICS_TOKEN.\n", 401, refused)
    content = await asyncio.to_thread(metrics_text, services.database, TASK_KINDS)
    return Response(content, headers={**ANSWER_HEADERS, "Content-Type": CONTENT_TYPE_PLAIN_0_0_4})


WATCH_OVER_ROUTES = [
    Route(f"{routes_path()}/health", _send_health),
    Route(f"{routes_path()}/ready", _send_readiness),
    Route(f"{base_path()}/metrics", _send_metrics),
]
