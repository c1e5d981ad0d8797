"""Every state of the classify page."""

import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from core.backbones.catalog import Backbone
from core.backbones.preparation import preparation_key
from core.jobs.status import TaskStatus
from core.photos.samples import SAMPLE_PHOTOS, sample_path
from core.settings import Settings
from pages.classify.answers import NUM_SEEDED
from pages.classify.under_the_hood import split_emphasis
from pages.server.services import get_services
from pages.server.visitor import new_secret
from pages.words.wording import plain
from tests.core.inference.running_registry import running_registry
from tests.pages.classify.classify_visits import answers, hood, labels, photos, settle, upload
from tests.pages.pretend_preparing import finish_preparing
from tests.waiting import wait_until

OpenApp = Callable[..., AppTest]

CAT = ("cat.png", sample_path(SAMPLE_PHOTOS[0]).read_bytes(), "image/png")
COFFEE = ("coffee.png", sample_path(SAMPLE_PHOTOS[1]).read_bytes(), "image/png")


def texts(app: AppTest) -> str:
    """Everything the page says."""
    kinds = (app.title, app.subheader, app.markdown, app.caption, app.error, app.warning, app.info, app.success)
    return "\n".join(element.value for kind in kinds for element in kind)


def button(app: AppTest, label: str):
    return next(candidate for candidate in app.button if candidate.label == label)


def test_an_empty_page_invites(open_app: OpenApp, prepared_settings: Settings):
    """A new visitor sees what to do, sample photos, the network in use and its figures; and no error."""
    app = open_app(prepared_settings)
    assert not app.exception
    assert app.title[0].value == "What is in your photo?"
    assert {sample.title for sample in SAMPLE_PHOTOS} <= {candidate.label for candidate in app.button}
    assert app.metric[0].value == "75.1 %"
    assert app.metric[1].value.endswith(" ms")
    assert not app.error


def test_an_uploaded_photo_is_answered(open_app: OpenApp, prepared_settings: Settings):
    """The browser is told the class, five bars, and the times."""
    app = upload(open_app(prepared_settings), CAT)
    (photo,) = photos(app).values()
    assert photo["name"] == "cat.png"
    assert photo["verdict"]["kind"] in ("sure", "perhaps")
    assert "cat" in photo["verdict"]["label"]
    assert len(photo["classes"]) == 5
    assert min(photo["milliseconds"].values()) > 0


def test_a_bad_file_does_not_stop_the_good_one(open_app: OpenApp, prepared_settings: Settings):
    """The bad file's message names it; the other photo is answered."""
    app = upload(open_app(prepared_settings), ("notes.jpg", b"shopping list", "image/jpeg"), COFFEE)
    assert "notes.jpg" in photos(app)["notes.jpg"]["error"]
    assert labels(app) == ["", "espresso"]


def test_a_sample_photo_needs_one_click(open_app: OpenApp, prepared_settings: Settings):
    """Without any file of one's own, one click gives an answer."""
    app = open_app(prepared_settings)
    button(app, "Coffee").click().run()
    assert labels(settle(app)) == ["espresso"]


def test_a_link_that_is_refused_says_why(open_app: OpenApp, prepared_settings: Settings):
    """A link to this computer's own network is not read."""
    app = open_app(prepared_settings)
    app.text_input(key="photo_inputs.link").set_value("http://127.0.0.1:1/photo.jpg")
    button(app, "Add").click().run()
    (photo,) = photos(settle(app)).values()
    assert "private network" in photo["error"]


def test_answers_survive_other_pages_and_a_reload(open_app: OpenApp, prepared_settings: Settings):
    """Going to Networks and back, or opening the same address anew, shows the same photos."""
    secret = new_secret()
    app = upload(open_app(prepared_settings, secret=secret), CAT, COFFEE)
    app.switch_page("pages/networks/page.py").run()
    assert app.title[0].value == "Networks"
    app.switch_page("pages/classify/page.py").run()
    assert all(labels(app))
    reloaded = open_app(prepared_settings, secret=secret, photos="".join(app.query_params["photos"]))
    assert photos(reloaded) == photos(app)


@pytest.mark.parametrize("knows_cookies", [True, False])
def test_an_address_that_was_passed_on_opens_nobodys_photos(
    open_app: OpenApp, prepared_settings: Settings, knows_cookies: bool
):
    """Whoever else has the address sees none of the photos and adds none to them, on whichever page."""
    app = upload(open_app(prepared_settings, secret=new_secret()), CAT, COFFEE)
    address = "".join(app.query_params["photos"])
    other = open_app(prepared_settings, secret=new_secret() if knows_cookies else "", photos=address)
    assert photos(other) == {}
    assert answers(other)["batch_id"] != address
    other.switch_page("pages/networks/page.py").run()
    other.switch_page("pages/classify/page.py").run()
    assert labels(upload(other, COFFEE)) == ["espresso"]
    assert list(photos(app.run())) == ["cat.png", "coffee.png"]
    assert address not in "".join(other.query_params["photos"])


def test_an_address_that_is_old_or_made_up_opens_an_empty_page(open_app: OpenApp, prepared_settings: Settings):
    """Neither an unknown batch nor an unknown network is an error to a visitor."""
    app = open_app(prepared_settings, photos="../../etc", network="NoSuchNet")
    assert not app.exception
    assert not app.error
    assert photos(app) == {}


def test_visitors_do_not_see_each_others_photos(open_app: OpenApp, prepared_settings: Settings):
    """A second visitor begins with an empty page."""
    upload(open_app(prepared_settings), CAT)
    assert photos(open_app(prepared_settings)) == {}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("blue tit", "No, “blue tit” is not among the 1,000 classes."),
        ("poodle", "Yes: toy poodle, miniature poodle, standard poodle."),
        ("dogs", "It knows 118 kinds of dog:"),
    ],
)
def test_does_it_know(open_app: OpenApp, prepared_settings: Settings, query: str, expected: str):
    """The search box answers in a sentence."""
    app = open_app(prepared_settings)
    app.text_input(key="class_search.query").set_value(query).run()
    assert expected in texts(app)


def test_under_the_hood_has_the_real_numbers(open_app: OpenApp, prepared_settings: Settings):
    """Three steps with the numbers of the network; the browser puts those of the last photo beneath."""
    app = open_app(prepared_settings)
    for number in ("150,528 numbers", "1,280 patterns at 7 × 7 places", "4.7 million", "1,000 scores"):
        assert number in hood(app)


@pytest.mark.usefixtures("no_workers")
def test_the_first_visit_waits_for_the_network(open_app: OpenApp, settings: Settings, prepared_cache: Path):
    """On a fresh workspace the page says what it is doing, and a photo that came too early is answered in the end."""
    app = open_app(settings)
    assert "Getting EfficientNet-Lite0 ready" in texts(app)
    app.file_uploader[0].set_value([COFFEE]).run()
    assert answers(app)["seed"]["num_waiting"] == 1
    assert not answers(app)["is_ready"]
    finish_preparing(get_services(), prepared_cache)
    assert labels(settle(app)) == ["espresso"]


@pytest.mark.usefixtures("no_workers")
def test_a_preparation_can_be_stopped_and_begun_again(open_app: OpenApp, settings: Settings, lite0: Backbone):
    """Stop ends it and says so; Try again asks for it anew."""
    app = open_app(settings)
    button(app, "Stop").click().run()
    queue = get_services().queue
    assert queue.latest(preparation_key(lite0)).status is TaskStatus.CANCELLED
    app.run()
    assert "was stopped" in texts(app)
    button(app, "Try again").click().run()
    assert "Getting EfficientNet-Lite0 ready" in texts(app)


def test_a_network_that_cannot_be_had_says_what_to_get_and_where_to_put_it(
    open_app: OpenApp, prepared_settings: Settings, without_keras_cache: None
):
    """Nothing is downloaded unasked; without a network the error names file, size and folder; other networks work."""
    mirror = replace(prepared_settings, weights_mirror_url="http://127.0.0.1:1")
    app = open_app(mirror, network="DenseNet121")
    assert get_services().queue.latest("prepare_backbone:DenseNet121") is None
    button(app, "Download 32 MB").click().run()
    wait_until(lambda: not get_services().queue.latest("prepare_backbone:DenseNet121").is_active)
    app.run()
    (error,) = app.error
    for part in ("densenet121_weights", "32 MB", os.fspath(mirror.weights_path)):
        assert part in error.value.replace("\\", "")
    app.selectbox(key="network_picker.widget").set_value("EfficientNetLite0").run()
    assert labels(upload(app, COFFEE)) == ["espresso"]


def test_the_page_refuses_more_photos_than_the_limit(open_app: OpenApp, prepared_settings: Settings):
    """Beyond the limit the page says that it is full, keeps what it has, and tells what became of all of them."""
    app = upload(open_app(replace(prepared_settings, max_photos_per_batch=2)), CAT, COFFEE, CAT)
    assert list(photos(app)) == ["cat.png", "coffee.png"]
    (warning,) = app.warning
    assert "3 photos given: 2 taken, 1 without room. Without room: cat" in warning.value.replace("\\", "")


def test_a_photo_is_taken_in_once_when_streamlit_calls_back_twice(prepared_settings: Settings):
    """A run that is overtaken by the next repeats its callback with the same upload; a new upload is another photo."""

    def script() -> None:
        import streamlit as st

        from pages.classify.photo_inputs import _take_files
        from pages.widgets.uploading import _take, open_box

        _take(open_box("uploads"), "uploads.0", lambda files: _take_files(st.session_state["batch"], files))

    with running_registry(prepared_settings) as registry:
        batch = registry.open(None, owner="anna")
        app = AppTest.from_function(script)
        app.session_state["batch"] = batch
        for file_id, num_expected in (("first", 1), ("first", 1), ("second", 2)):
            app.session_state["uploads.0"] = [
                SimpleNamespace(file_id=file_id, name="cat.png", size=1, getvalue=lambda: CAT[1])
            ]
            app.run()
            assert not app.exception
            assert len(batch.view("").answers) == num_expected


def test_the_page_brings_the_newest_photos_and_says_that_there_are_more(open_app: OpenApp, prepared_settings: Settings):
    """Whoever reads only the page's messages sees names and classes; the browser fetches the others."""
    app = upload(open_app(prepared_settings), *[(f"{number}.jpg", b"no photo", "image/jpeg") for number in range(30)])
    seed = answers(app)["seed"]
    assert (len(seed["photo_ids"]), len(seed["photos"]), seed["is_whole"]) == (30, NUM_SEEDED, False)
    assert seed["photos"][-1]["name"] == "29.jpg"
    assert answers(upload(open_app(prepared_settings), COFFEE))["seed"]["is_whole"]


@pytest.mark.parametrize(
    ("markdown", "pieces"),
    [
        ("no *Markdown* at all", [("no *Markdown* at all", False)]),
        ("a **b** c", [("a ", False), ("b", True), (" c", False)]),
        (rf"**{plain('x**y')}**", [("x**y", True)]),
        (rf"{plain('<b>')} **{plain('end' + chr(92))}**", [("<b> ", False), ("end" + chr(92), True)]),
    ],
    ids=["plain", "bold", "asterisks in a name", "backslash at the end of a name"],
)
def test_emphasis_is_told_from_letters(markdown: str, pieces: list[tuple[str, bool]]):
    """What looks like Markdown in somebody's name is letters."""
    assert split_emphasis(markdown) == pieces
