"""`pages.server.upload_budget`: what all send at once fits into memory, and the others wait."""

import asyncio
from collections.abc import Callable

import httpx
import pytest
from starlette.types import Receive, Scope, Send

from pages.server.upload_budget import UploadBudget

PATH = "/school/_stcore/upload_file/session/file"


class Streamlit:
    """Takes uploads, and holds each as long as the test wants."""

    def __init__(self) -> None:
        self.may_end = asyncio.Event()
        self.num_begun = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.num_begun += 1
        await self.may_end.wait()
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})


def client_of(app: Streamlit, num_bytes_waiting: Callable[[], int] = lambda: 0) -> httpx.AsyncClient:
    budget = UploadBudget(app, max_bytes=1_000, num_bytes_waiting=num_bytes_waiting)
    return httpx.AsyncClient(transport=httpx.ASGITransport(budget), base_url="http://bluetit")


async def statuses_of_thirty(method: str, path: str) -> tuple[list[int], int]:
    app = Streamlit()
    async with client_of(app) as client:
        sending = [asyncio.create_task(client.request(method, path, content=b"x" * 200)) for _ in range(30)]
        await asyncio.sleep(0)
        while sum(task.done() for task in sending) + app.num_begun < 30:
            await asyncio.sleep(0.01)
        app.may_end.set()
        answers = await asyncio.gather(*sending)
        again = await client.request(method, path, content=b"x" * 900)
    assert again.status_code == 204
    return [answer.status_code for answer in answers], app.num_begun


def test_thirty_at_once() -> None:
    """As many as fit arrive, the others are told to wait, and once the first are through there is room again."""
    statuses, _ = asyncio.run(statuses_of_thirty("PUT", PATH))
    assert (statuses.count(204), statuses.count(429)) == (5, 25)


@pytest.mark.parametrize(("method", "path"), [("GET", PATH), ("PUT", "/answers"), ("DELETE", PATH)])
def test_nothing_else_is_counted(method: str, path: str) -> None:
    """Only uploads are held back."""
    statuses, _ = asyncio.run(statuses_of_thirty(method, path))
    assert statuses == [204] * 30


def test_what_waits_for_its_page_counts() -> None:
    """An upload that has arrived is in memory until a page takes it; one that is alone comes in however large it is."""
    waiting = 900

    async def send(num_bytes: int) -> httpx.Response:
        app = Streamlit()
        app.may_end.set()
        async with client_of(app, lambda: waiting) as client:
            return await client.put(PATH, content=b"x" * num_bytes)

    refused = asyncio.run(send(200))
    assert (refused.status_code, "nothing else is lost" in refused.text) == (429, True)
    assert asyncio.run(send(100)).status_code == 204
    waiting = 0
    assert asyncio.run(send(5_000)).status_code == 204
