"""How a class comes in: each pupil by the door, as a browser does, and gets what the teacher hands out."""

import asyncio
import re
import time
from html import unescape

import httpx

from benchmarks.load.beside import Beside, beside
from benchmarks.load.notes import Notes
from benchmarks.load.server import Contents, Guest, Server
from pages.server.visitor import COOKIE_NAME

DOOR = "/bluetit/door"
_HTML = {"accept": "text/html", "sec-fetch-site": "same-origin"}
_NAME = re.compile(r'name="name" value="([^"]+)"')
_TRIES = 5  # until somebody has a name that nobody else takes at the same moment
_TIMEOUT_SECONDS = 60.0
_POLL_SECONDS = 0.2
_HAND_OUT_SECONDS = 120.0


async def come_in(url: str, code: str, notes: Notes) -> str | None:
    """Scan the code of a class and choose one of the names; the secret of the browser, None if it is not let in.

    Args:
        url: of the app.
        code: of the class.
        notes: where errors go.
    """
    try:
        async with httpx.AsyncClient(base_url=url, headers=_HTML, timeout=_TIMEOUT_SECONDS, verify=False) as browser:
            answer = await browser.get("/", params={"code": code}, follow_redirects=True)
            for _ in range(_TRIES):
                names = [unescape(name) for name in _NAME.findall(answer.text)]
                if not names:
                    break
                form = {"do": "name", "code": code, "name": names[0]}
                answer = await browser.post(DOOR, data=form)
                if answer.status_code == httpx.codes.OK and COOKIE_NAME in browser.cookies:
                    return browser.cookies[COOKIE_NAME]
                if answer.status_code != httpx.codes.CONFLICT:
                    break
            notes.fail(f"door {answer.status_code}", answer.text)
    except httpx.HTTPError as exc:
        notes.fail("door", f"{type(exc).__name__}: {exc}")
    return None


async def come_in_together(server: Server, num_pupils: int, notes: Notes) -> list[str]:
    """All at once, behind one address; the secrets of those who are in."""
    with beside(server.settings) as whole:
        code = whole.classroom().code
    secrets = await asyncio.gather(*(come_in(server.url, code, notes) for _ in range(num_pupils)))
    return [secret for secret in secrets if secret is not None]


async def hold_class(server: Server, num_pupils: int) -> list[Guest]:
    """Let pupils in and hand the teacher's dataset and models out to them."""
    notes = Notes()
    secrets = await come_in_together(server, num_pupils, notes)
    if notes.errors:
        raise SystemExit(f"Not everybody could come in: {dict(notes.errors)}")
    return await asyncio.to_thread(_hand_out, server, secrets)


def _hand_out(server: Server, secrets: list[str]) -> list[Guest]:
    with beside(server.settings) as whole:
        classroom_id = whole.classroom().id
        space_ids = [find_space(whole, secret) for secret in secrets]
        hand_outs = whole.hand_outs
        hand_outs.hand_out(
            classroom_id,
            dataset_id=server.contents.dataset_id,
            run_ids=server.contents.run_ids,
            receiver_ids=space_ids,
        )
        give_up_at = time.monotonic() + _HAND_OUT_SECONDS
        while any(view.is_under_way for view in hand_outs.of_classroom(classroom_id)):
            if time.monotonic() > give_up_at:
                raise SystemExit(f"Handing out takes longer than {_HAND_OUT_SECONDS:.0f} s.")
            time.sleep(_POLL_SECONDS)
        return [_guest(whole, *each) for each in zip(secrets, space_ids, strict=True)]


def _guest(whole: Beside, secret: str, space_id: int) -> Guest:
    own = whole.of_space(space_id)
    (dataset,) = own.library.datasets.all()
    run_ids = tuple(view.id for view in own.runs.list_runs())
    return Guest(secret=secret, space_id=space_id, contents=Contents(dataset_id=dataset.id, run_ids=run_ids))


def find_space(whole: Beside, secret: str) -> int:
    """The number of the space that a secret opens."""
    space = whole.spaces.find_by_secret(secret)
    if space is None:
        raise SystemExit("A pupil who came in has no space.")
    return space.id
