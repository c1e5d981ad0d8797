"""No route gives anything of another space: each is asked with what is another's, and answers as for what nobody has.

The routes are those of the app; one that the table here does not know fails the test. The server runs as for a class,
with two browsers that are let into a space each, and one that never was.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from core.backbones.catalog import find_backbone
from core.environment import to_environment
from core.export.formats import FORMATS
from core.export.run_files import RUN_FILES
from core.inference.batch_notes import batch_owner
from core.inference.batch_records import PhotoOrigin
from core.inference.photo_batch import PhotoBatch
from core.jobs.supervisor import Supervisor
from core.runs.folder import RunFolder
from core.services import Services
from core.settings import Settings
from core.spaces.records import SpaceKind
from pages.server.action_routes import action_url
from pages.server.dataset_watch import dataset_progress_url
from pages.server.file_routes import EVERYTHING, LABELS, dataset_url, export_url, model_url, project_url
from pages.server.heat_route import heat_url
from pages.server.kiosk_routes import kiosk_page
from pages.server.live_route import live_url
from pages.server.phone_watch import phones_url
from pages.server.run_routes import examination_url, export_progress_url, race_url, run_url
from pages.server.services import close_services, whole_services
from pages.server.sort_routes import sorting_url
from pages.server.try_routes import try_page
from pages.server.visitor import COOKIE_NAME, new_secret
from pages.words.models import FOREIGN_PREFIX, MODEL_PREFIX
from streamlit_app import app
from tests.core.inference.model_samples import SAMPLES, head_for_samples, record_for, write_model
from tests.core.spaces.lives import Life, live, nobodys, number_from
from tests.pages.server.route_visits import fetch
from tests.pages.server.test_live_route import as_frame
from tests.waiting import wait_until

THEIRS, OURS = "Geheim-7f3a", "Eigenes-11b2"
FINGERPRINT = "ab" * 8  # of both models: one was handed out
ROUTES = app._user_routes

# Of whoever asks: nothing in these addresses names anything.
OF_WHOEVER_ASKS = {
    "/bluetit/runs/progress",
    "/bluetit/presence",  # tests/pages/server/test_presence.py
    "/bluetit/class/notice",  # of a pupil; tests/pages/server/test_class_routes.py
    "/bluetit/class/board",  # of a teacher; the same file
    "/bluetit/class-start",  # of a teacher; tests/pages/server/test_class_start.py
    "/bluetit/door",  # tests/pages/door
    "/bluetit/door/account",  # the same
}
# The same for all.
OF_ALL = {
    *("/bluetit/health", "/bluetit/ready", "/metrics"),  # tests/pages/server/test_watch_over.py
    *(f"/bluetit/{name}" for name in ("plotly.min.js", "refused_uploads.js", "downloads.js", "presence.js")),
    *(f"/bluetit/door/{name}" for name in ("door.css", "bluetit.svg", "bluetit_with_name.svg")),
    *("/bluetit/class-start/{name}", "/bluetit/phone", "/bluetit/phone/{name}"),
    *("/bluetit/try/files/{name}", "/bluetit/try/{token}"),  # of the model there is nothing on the page itself
    *("/bluetit/kiosk/files/{name}", "/bluetit/kiosk/{key}"),  # likewise
}
# A phone has no space: what it may is said by the token of its link alone; tests/pages/server/test_phone_routes.py.
OF_WHOEVER_HAS_THE_TOKEN = {f"/bluetit/phone/{name}" for name in ("link", "photos", "photos/take-back")}
# Where the owner, too, gets nothing when asking just once, or would change what other tests ask for.
NOT_ASKED_BY_OWNER = {
    "/bluetit/answers/{batch_id}/remove": "it would be gone",
    "/bluetit/try/{token}/verdict": "there has to be an answer first: tests/pages/server/test_try_routes.py",
    **dict.fromkeys(
        (
            *(f"/bluetit/datasets/{{dataset_id}}/sorting/{part}" for part in ("alike", "moves", "take-back")),
            "/bluetit/datasets/{dataset_id}/sorting/suggestions/{class_id}/{adviser}",
        ),
        "the photos have to be looked at first: tests/pages/server/test_sort_routes.py",
    ),
}


@dataclass(frozen=True, kw_only=True)
class House:
    """A server with two visitors."""

    services: Services
    their_services: Services
    ours: Life
    theirs: Life
    our_secret: str
    their_secret: str
    batch: PhotoBatch  # theirs, on the classify page


@pytest.fixture(scope="module")
def house(prepared_cache: Any, tmp_path_factory: pytest.TempPathFactory, new_database: Any) -> Iterator[House]:
    from tests.conftest import link_backbones

    settings = Settings(workspace_dir=tmp_path_factory.mktemp("class") / "workspace", access="class")
    settings.workspace_dir.mkdir()
    link_backbones(prepared_cache, settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Supervisor, "start", lambda _: None)
        for name, value in to_environment(settings).items():
            patch.setenv(name, value)
        close_services()
        whole = whole_services()
        spaces = [whole.spaces.create(SpaceKind.PUPIL, name) for name in ("Quiet Otter", "Brave Heron")]
        secrets = [new_secret(), new_secret()]
        for space, secret in zip(spaces, secrets, strict=True):
            whole.spaces.let_in(secret, space.id)
        services, their_services = (whole.of_space(space.id) for space in spaces)
        ours = live(services, OURS, first_photo=500, worker_id="our worker")
        number_from(71_000, whole.database)
        theirs = live(their_services, THEIRS, first_photo=700, worker_id="their worker")
        backbone = their_services.classifiers.get(find_backbone("EfficientNetLite0"))
        for life in (ours, theirs):
            names = (f"{life.word} one", f"{life.word} two")
            model = record_for(backbone, names, fingerprint=FINGERPRINT)
            write_model(RunFolder(settings, life.run_id), model, head_for_samples(backbone, 2))
        batch = whole.batches.open(None, owner=batch_owner(their_services.space_id, secrets[1]))
        batch.add_file(f"{THEIRS}.png", SAMPLES[0], PhotoOrigin.FILE)
        batch.start(backbone)
        wait_until(lambda: not batch.changes(backbone.fingerprint).is_running)
        yield House(
            services=services,
            their_services=their_services,
            ours=ours,
            theirs=theirs,
            our_secret=secrets[0],
            their_secret=secrets[1],
            batch=batch,
        )
        close_services()


def ask(address: str, secret: str | None, *, method: str = "GET", body: bytes | None = None) -> httpx.Response:
    headers = {} if secret is None else {"cookie": f"{COOKIE_NAME}={secret}"}
    return fetch(f"/{address}", ROUTES, method=method, body=body, **headers)


def files_of(life: Life, revision: int) -> list[str]:
    """Addresses of everything that can be taken away, with marks that hold."""
    parts = [LABELS, EVERYTHING, *(row.name for row in RUN_FILES)]
    return [
        dataset_url(life.dataset_id, revision),
        project_url(life.dataset_id, life.project_file),
        *(model_url(life.run_id, part) for part in parts),
        *(export_url(life.run_id, row.name) for row in FORMATS),
    ]


def progress_of(life: Life) -> list[str]:
    return [run_url(life.run_id), run_url(life.queued_run_id), run_url(life.trashed_run_id)]


Address = Callable[[Life, House], list[str]]


def of_batch(tail: str) -> Address:
    """Addresses below a batch: theirs by its id, and one that nobody has."""

    def addresses(life: Life, house: House) -> list[str]:
        batch_id = house.batch.batch_id if life is house.theirs else "A" * len(house.batch.batch_id)
        return [f"bluetit/answers/{batch_id}/{tail.format(fingerprint=fingerprint_of(house))}"]

    return addresses


def of_offer(part: str) -> Address:
    """An address below the page of an offered model; the two spaces are of no class together."""
    return lambda life, _: [f"{try_page(life.offer_token)}/{part}"]


def of_sorting(part: str) -> Address:
    """An address below a dataset's for sorting."""
    return lambda life, _: [f"{sorting_url(life.dataset_id)}/{part}"]


def of_kiosk(part: str) -> Address:
    """An address below the page of a kiosk: by its key, and by the number of its model; nor are these two together."""
    return lambda life, _: [f"{kiosk_page(key)}/{part}" for key in (life.kiosk_token, f"{MODEL_PREFIX}{life.run_id}")]


def fingerprint_of(house: House) -> str:
    return house.services.classifiers.get(find_backbone("EfficientNetLite0")).fingerprint


# What leads to things of somebody, by the path of the route.
ADDRESSES: dict[str, Address] = {
    "/bluetit/answers/{batch_id}/photos/{photo_id}.jpg": of_batch("photos/1.jpg"),
    "/bluetit/answers/{batch_id}/{fingerprint}/heat/{photo_id}/{shown}.jpg": of_batch("{fingerprint}/heat/1/0.jpg"),
    "/bluetit/answers/{batch_id}/remove": of_batch("remove"),
    "/bluetit/answers/{batch_id}/{fingerprint}": of_batch("{fingerprint}"),
    "/bluetit/answers/{batch_id}/{fingerprint}/table.csv": of_batch("{fingerprint}/table.csv"),
    "/bluetit/photos/{photo_hash}/{side}.jpg": lambda life, _: [
        f"bluetit/photos/{each}/{side}.jpg" for each in life.hashes[:2] for side in (128, 1024)
    ],
    "/bluetit/heat/{run_id}/{fingerprint}/{class_index}/{photo_hash}.jpg": lambda life, house: [
        heat_url(life.run_id, FINGERPRINT, 0, life.hashes[0]),
        heat_url(house.ours.run_id, FINGERPRINT, 0, life.hashes[0]),
        heat_url(life.run_id, FINGERPRINT, 0, house.ours.hashes[0]),
    ],
    "/bluetit/files/{mark}/{kind}/{row_id}/{part}": lambda life, house: files_of(
        life, house.their_services.library.datasets.get(house.theirs.dataset_id).revision
    ),
    "/bluetit/runs/{run_id:int}/progress": lambda life, _: progress_of(life),
    "/bluetit/runs/{run_id:int}/examination": lambda life, _: [examination_url(life.run_id)],
    "/bluetit/runs/{run_id:int}/exports/{name}": lambda life, _: [
        export_progress_url(life.run_id, row.name) for row in FORMATS[:2]
    ],
    "/bluetit/races/{race}/progress": lambda life, _: [race_url(life.race)],
    "/bluetit/live/{network}": lambda life, _: [
        live_url(f"{prefix}{number}")
        for prefix, number in ((MODEL_PREFIX, life.run_id), (FOREIGN_PREFIX, life.foreign_id))
    ],
    "/bluetit/datasets/{dataset_id}/phones": lambda life, _: [phones_url(life.dataset_id)],
    "/bluetit/datasets/{dataset_id}/progress": lambda life, _: [dataset_progress_url(life.dataset_id)],
    **{
        f"/bluetit/datasets/{{dataset_id}}/sorting/{part}": of_sorting(part) for part in ("alike", "moves", "take-back")
    },
    "/bluetit/datasets/{dataset_id}/sorting/suggestions/{class_id}/{adviser}": lambda life, _: [
        f"{sorting_url(life.dataset_id)}/suggestions/{life.class_ids[0]}/examples"
    ],
    **{f"/bluetit/try/{{token}}/{part}": of_offer(part) for part in ("about", "answer", "verdict")},
    "/bluetit/runs/{run_id:int}/actions/{file_name}": lambda life, _: [action_url(life.run_id, life.action_file)],
    "/bluetit/kiosk/{key}/about": of_kiosk("about"),
    "/bluetit/kiosk/{key}/answer": of_kiosk("answer"),
    "/bluetit/kiosk/{key}/photos/{number}.jpg": of_kiosk("photos/0.jpg"),
    "/bluetit/kiosk/{key}/actions/{file_name}": lambda life, house: of_kiosk(f"actions/{life.action_file}")(
        life, house
    ),
}
BODIES = {
    "/bluetit/live/{network}": as_frame(SAMPLES[0]),
    "/bluetit/answers/{batch_id}/remove": b'{"photo_ids": "all"}',
    "/bluetit/try/{token}/answer": SAMPLES[0],
    "/bluetit/kiosk/{key}/answer": as_frame(SAMPLES[0]),
    "/bluetit/try/{token}/verdict": b"right",
}


def answers(path: str, life: Life, house: House, secret: str | None) -> list[httpx.Response]:
    (methods,) = (route.methods for route in ROUTES if route.path == path)
    kinds = sorted(methods)
    return [
        ask(address, secret, method=method, body=BODIES.get(path))
        for address in ADDRESSES[path](life, house)
        for method in kinds
    ]


def told(response: httpx.Response, life: Life) -> tuple[int, dict[str, str], str]:
    """All that an answer says, with the numbers that were asked for left out."""
    text = response.text
    for number in (life.run_id, life.queued_run_id, life.trashed_run_id, life.dataset_id, life.foreign_id):
        text = re.sub(rf"\b{number}\b", "<number>", text)
    headers = {name: value for name, value in response.headers.items() if name != "content-length"}
    return response.status_code, headers, text


def test_every_route_is_in_the_table() -> None:
    """A new route says here what a stranger could ask it for."""
    assert {route.path for route in ROUTES} == {*ADDRESSES, *OF_WHOEVER_ASKS, *OF_ALL, *OF_WHOEVER_HAS_THE_TOKEN}


@pytest.mark.parametrize("path", ADDRESSES)
def test_what_is_anothers_is_answered_as_what_nobody_has(path: str, house: House) -> None:
    """Status, headers and text are the same, by whatever method, and say that it is not here."""
    nobody = nobodys(house.theirs)
    foreign = answers(path, house.theirs, house, house.our_secret)
    absent = answers(path, nobody, house, house.our_secret)
    for one, other in zip(foreign, absent, strict=True):
        assert told(one, house.theirs) == told(other, nobody)
        assert one.status_code == 404
        assert THEIRS not in str(one.headers) + one.text
        assert one.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ADDRESSES)
def test_whoever_was_never_let_in_gets_nothing(path: str, house: House) -> None:
    """Neither with a cookie that nobody has let in nor without one, whatever there is at the address."""
    for life in (house.theirs, nobodys(house.theirs)):
        for secret in (new_secret(), None):
            for response in answers(path, life, house, secret):
                assert response.status_code in (403, 404)
                assert THEIRS not in response.text


@pytest.mark.parametrize("path", [path for path in ADDRESSES if path not in NOT_ASKED_BY_OWNER])
def test_the_owner_gets_it(path: str, house: House) -> None:
    """Or the tests above could not fail."""
    assert 200 in {response.status_code for response in answers(path, house.theirs, house, house.their_secret)}


def test_the_list_of_runs_is_ones_own(house: House) -> None:
    """The watch desk, which tells many the same, keeps spaces apart."""
    for secret, word, other in ((house.our_secret, OURS, THEIRS), (house.their_secret, THEIRS, OURS)):
        text = ask("bluetit/runs/progress", secret).text
        assert word in text
        assert other not in text
    assert ask("bluetit/runs/progress", new_secret()).status_code == 403


def test_nothing_of_another_was_removed(house: House) -> None:
    """Also not by asking that all photos of the batch be removed."""
    ask(f"bluetit/answers/{house.batch.batch_id}/remove", house.our_secret, method="POST", body=b'{"photo_ids": "all"}')
    address = f"bluetit/answers/{house.batch.batch_id}/{fingerprint_of(house)}"
    assert len(json.loads(ask(address, house.their_secret).text)["photo_ids"]) == 1


def test_the_fingerprint_of_anothers_model_opens_nothing(house: House) -> None:
    """It stands in addresses of the classify page; to whoever was not given the model it is not there."""
    own = house.services.classifiers.get_trained(house.ours.run_id)
    their_own = house.their_services.classifiers.get_trained(house.theirs.run_id)
    assert house.services.classifiers.find(own.fingerprint) is own
    assert house.their_services.classifiers.find(their_own.fingerprint) is their_own
    assert house.services.classifiers.find(their_own.fingerprint) is None


def test_a_browser_that_comes_into_another_space_leaves_its_photos(house: House) -> None:
    """The batch on the classify page belongs to the space, and not only to the browser."""
    spaces, secret = house.services.spaces, house.their_secret
    address = f"bluetit/answers/{house.batch.batch_id}/{fingerprint_of(house)}"
    assert ask(address, secret).status_code == 200
    assert house.services.space_id is not None
    assert house.their_services.space_id is not None
    try:
        spaces.let_in(secret, house.services.space_id)
        assert ask(address, secret).status_code == 404
        spaces.let_out(secret)
        assert ask(address, secret).status_code == 403
    finally:
        spaces.let_in(secret, house.their_services.space_id)
