"""Every state of the classify page."""

import csv
import io
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
from streamlit.testing.v1 import AppTest

from core.backbones.catalog import Backbone
from core.backbones.preparation import preparation_key
from core.imagenet import classes
from core.inference.batch_records import Answer, Photo, PhotoOrigin
from core.inference.class_table import Prediction
from core.inference.classifier import Classification
from core.jobs.status import TaskStatus
from core.photos.samples import SAMPLE_PHOTOS, sample_path
from core.settings import Settings
from pages.classify.answers_csv import to_csv
from pages.classify.arrangement import Order, arrange
from pages.server.services import get_services
from pages.server.visitor import new_secret
from tests.core.inference.running_registry import running_registry
from tests.pages.classify.classify_visits import settle, upload
from tests.pages.pretend_preparing import finish_preparing
from tests.waiting import wait_until

OpenApp = Callable[..., AppTest]

CAT = ("cat.png", sample_path(SAMPLE_PHOTOS[0]).read_bytes(), "image/png")
JPEG = sample_path(SAMPLE_PHOTOS[2]).read_bytes()
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
    """The heading counts it, the card names the class, the chart has five bars, the times are told."""
    app = upload(open_app(prepared_settings), CAT)
    assert app.subheader[0].value == "1 photo: 1 recognised"
    assert "cat" in texts(app)
    assert "ms (reading" in texts(app)
    assert len(app.get("plotly_chart")) == 1


def test_a_bad_file_does_not_stop_the_good_one(open_app: OpenApp, prepared_settings: Settings):
    """The bad file's message names it; the other photo is answered."""
    app = upload(open_app(prepared_settings), ("notes.jpg", b"shopping list", "image/jpeg"), COFFEE)
    assert app.subheader[0].value == "2 photos: 1 recognised, 1 refused"
    assert any("notes.jpg" in error.value.replace("\\", "") for error in app.error)
    assert "espresso" in texts(app)


def test_a_photo_of_nothing_known_says_so_in_plain_words(open_app: OpenApp, prepared_settings: Settings, shared_dir):
    """A blue tit is not sure, probably a bird, and can be taught."""
    photo = ("tit.jpg", (shared_dir / "data" / "photos" / "blue_tit.jpg").read_bytes(), "image/jpeg")
    app = upload(open_app(prepared_settings), photo)
    assert "Not sure" in texts(app)
    assert "some kind of **bird**" in texts(app)
    assert "must be taught" in texts(app)


def test_a_sample_photo_needs_one_click(open_app: OpenApp, prepared_settings: Settings):
    """Without any file of one's own, one click gives an answer."""
    app = open_app(prepared_settings)
    button(app, "Coffee").click().run()
    assert "espresso" in texts(settle(app))


def test_a_camera_photo_is_answered(open_app: OpenApp, prepared_settings: Settings):
    """The camera is off until wanted; its photo joins the others."""
    app = open_app(prepared_settings)
    assert not app.get("camera_input")
    next(toggle for toggle in app.toggle if toggle.label == "Use the camera").set_value(True).run()
    app.camera_input[0].set_value(("camera.jpg", JPEG, "image/jpeg")).run()
    assert "camera.jpg" in texts(settle(app)).replace("\\", "")


def test_a_link_that_is_refused_says_why(open_app: OpenApp, prepared_settings: Settings):
    """A link to this computer's own network is not read."""
    app = open_app(prepared_settings)
    app.text_input(key="photo_inputs.link").set_value("http://127.0.0.1:1/photo.jpg")
    button(app, "Add").click().run()
    settle(app)
    assert app.subheader[0].value == "1 photo: 0 recognised, 1 refused"
    assert app.error


def test_answers_survive_other_pages_and_a_reload(open_app: OpenApp, prepared_settings: Settings):
    """Going to Networks and back, or opening the same address anew, shows the same photos."""
    secret = new_secret()
    app = upload(open_app(prepared_settings, secret=secret), CAT, COFFEE)
    app.switch_page("pages/networks/page.py").run()
    assert app.title[0].value == "Networks"
    app.switch_page("pages/classify/page.py").run()
    assert app.subheader[0].value == "2 photos: 2 recognised"
    reloaded = open_app(prepared_settings, secret=secret, photos="".join(app.query_params["photos"]))
    assert reloaded.subheader[0].value == "2 photos: 2 recognised"


@pytest.mark.parametrize("knows_cookies", [True, False])
def test_an_address_that_was_passed_on_opens_nobodys_photos(
    open_app: OpenApp, prepared_settings: Settings, knows_cookies: bool
):
    """Whoever else has the address sees none of the photos and can take none away, on whichever page."""
    app = upload(open_app(prepared_settings, secret=new_secret()), CAT, COFFEE)
    address = "".join(app.query_params["photos"])
    other = open_app(prepared_settings, secret=new_secret() if knows_cookies else "", photos=address)
    assert "photo" not in other.subheader[0].value
    assert not any(each.label in ("Clear", "Remove") for each in other.button)
    other.switch_page("pages/networks/page.py").run()
    other.switch_page("pages/classify/page.py").run()
    assert upload(other, COFFEE).subheader[0].value == "1 photo: 1 recognised"
    next(each for each in other.button if each.label == "Clear").click().run()
    assert app.run().subheader[0].value == "2 photos: 2 recognised"
    assert address not in "".join(other.query_params["photos"])


def test_an_address_that_is_old_or_made_up_opens_an_empty_page(open_app: OpenApp, prepared_settings: Settings):
    """Neither an unknown batch nor an unknown network is an error to a visitor."""
    app = open_app(prepared_settings, photos="../../etc", network="NoSuchNet")
    assert not app.exception
    assert not app.error
    assert "photo" not in app.subheader[0].value


def test_visitors_do_not_see_each_others_photos(open_app: OpenApp, prepared_settings: Settings):
    """A second visitor begins with an empty page."""
    upload(open_app(prepared_settings), CAT)
    assert "photo" not in open_app(prepared_settings).subheader[0].value


def test_removing_and_clearing(open_app: OpenApp, prepared_settings: Settings):
    """Remove takes one photo out, Clear all."""
    app = upload(open_app(prepared_settings), CAT, COFFEE)
    button(app, "Remove").click().run()
    assert app.subheader[0].value == "1 photo: 1 recognised"
    button(app, "Clear").click().run()
    assert "photo" not in app.subheader[0].value


def test_why_shows_the_square_and_the_evidence(open_app: OpenApp, prepared_settings: Settings):
    """On demand: the square the network saw, the heat of the best class, and a choice of the other four."""
    app = upload(open_app(prepared_settings), CAT)
    num_images = len(app.get("image"))
    next(toggle for toggle in app.toggle if toggle.label == "Why?").set_value(True).run()
    assert not app.exception
    assert len(app.get("image")) == num_images + 2
    choice = next(group for group in app.get("button_group") if "Show where" in group.label)
    assert len(choice.options) == 5


def test_an_open_explanation_stays_open_while_its_photo_is_out_of_sight(open_app: OpenApp, prepared_settings: Settings):
    """A filter hides a photo for a while, as another network does that has not answered yet."""
    app = upload(open_app(prepared_settings), CAT, COFFEE)
    num_images = len(app.get("image"))
    next(toggle for toggle in app.toggle if toggle.label == "Why?").set_value(True).run()
    app.text_input(key="results.filter").set_value("zebra").run()
    assert not [toggle for toggle in app.toggle if toggle.label == "Why?"]
    app.text_input(key="results.filter").set_value("").run()
    assert len(app.get("image")) == num_images + 2


def test_filter_sort_and_table(open_app: OpenApp, prepared_settings: Settings):
    """The filter looks at names, answers and kinds; a filter that fits nothing says so; the table has a row a photo."""
    app = upload(open_app(prepared_settings), CAT, COFFEE)
    app.text_input(key="results.filter").set_value("food").run()
    assert "espresso" in texts(app)
    assert "cat.png" not in texts(app).replace("\\", "")
    app.text_input(key="results.filter").set_value("zebra").run()
    assert "No photo fits" in texts(app)
    app.text_input(key="results.filter").set_value("")
    app.session_state["results.layout"] = "Table"
    app.run()
    assert list(app.dataframe[0].value["Photo"]) == ["coffee.png", "cat.png"]


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
    """Three steps with the numbers of the network and of the last photo."""
    app = upload(open_app(prepared_settings), COFFEE)
    for number in ("150,528 numbers", "1,280 patterns at 7 × 7 places", "4.7 million", "For coffee.png"):
        assert number in texts(app)


@pytest.mark.usefixtures("no_workers")
def test_the_first_visit_waits_for_the_network(open_app: OpenApp, settings: Settings, prepared_cache: Path):
    """On a fresh workspace the page says what it is doing, and a photo that came too early is answered in the end."""
    app = open_app(settings)
    assert "Getting EfficientNet-Lite0 ready" in texts(app)
    app.file_uploader[0].set_value([COFFEE]).run()
    assert app.subheader[0].value == "1 photo: 0 recognised, 1 waiting"
    finish_preparing(get_services(), prepared_cache)
    assert "espresso" in texts(settle(app))


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
    assert "espresso" in texts(upload(app, COFFEE))


def test_the_page_refuses_more_photos_than_the_limit(open_app: OpenApp, prepared_settings: Settings):
    """Beyond the limit the page says that it is full, keeps what it has, and tells what became of all of them."""
    app = upload(open_app(replace(prepared_settings, max_photos_per_batch=2)), CAT, COFFEE, CAT)
    assert app.subheader[0].value == "2 photos: 2 recognised"
    (warning,) = app.warning
    assert "3 photos given: 2 taken, 1 without room. Without room: cat" in warning.value.replace("\\", "")


def make_answer(photo_id: int, name: str, index: int, probability: float, error: str | None = None) -> Answer:
    photo = Photo(photo_id=photo_id, name=name, origin=PhotoOrigin.FILE, error=error)
    if error:
        return Answer(photo=photo, classification=None)
    found = Classification(
        predictions=tuple(
            Prediction(index=known.index, label=known.label, wnid=known.wnid, probability=probability / (step + 1))
            for step, known in enumerate(classes()[index : index + 5])
        ),
        group=classes()[index].group,
        group_probability=probability,
        decode_milliseconds=1.5,
        network_milliseconds=2.5,
    )
    return Answer(photo=photo, classification=found)


ANSWERS = (
    make_answer(1, "b.jpg", 235, 0.9),
    make_answer(2, "A.jpg", 281, 0.2),
    make_answer(3, "c.jpg", 0, 0, error="c.jpg is a text file"),
    make_answer(4, "d.jpg", 11, 0.5),
)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (Order.ADDED, [4, 3, 2, 1]),
        (Order.SUREST, [1, 4, 2, 3]),
        (Order.LEAST_SURE, [3, 2, 4, 1]),
        (Order.CLASS, [1, 4, 2, 3]),
        (Order.NAME, [2, 1, 3, 4]),
    ],
)
def test_every_order(order: Order, expected: list[int]):
    """Each order sorts by what its name says, refused files where nothing is known of them."""
    arranged = arrange(ANSWERS, order, "", only_unsure=False)
    assert [answer.photo.photo_id for answer in arranged] == expected


def test_only_unsure_keeps_unlikely_answers_and_refused_files():
    """What a person wants to look at again."""
    arranged = arrange(ANSWERS, Order.NAME, "", only_unsure=True)
    assert [answer.photo.photo_id for answer in arranged] == [2, 3]


def test_the_table_to_download_has_a_row_per_photo():
    """Every row has every column; labels, probabilities and errors are where the header says."""
    rows = list(csv.DictReader(io.StringIO(to_csv(ANSWERS, "EfficientNet-Lite0"))))
    assert [row["file"] for row in rows] == ["b.jpg", "A.jpg", "c.jpg", "d.jpg"]
    assert rows[0]["class_1"] == "German shepherd"
    assert float(rows[0]["probability_1"]) == pytest.approx(0.9)
    assert rows[0]["network_ms"] == "2.5"
    assert rows[2]["error"] == "c.jpg is a text file"
    assert rows[2]["network"] == "EfficientNet-Lite0"
    assert all(None not in row and None not in row.values() for row in rows)


def test_a_file_name_cannot_become_a_formula():
    """A spreadsheet must not run what somebody named a photo."""
    answer = make_answer(1, "=HYPERLINK(1).jpg", 235, 0.9)
    assert next(csv.DictReader(io.StringIO(to_csv([answer], "x"))))["file"] == "'=HYPERLINK(1).jpg"


def test_a_photo_is_taken_in_once_when_streamlit_calls_back_twice(prepared_settings: Settings):
    """A run that is overtaken by the next repeats its callback with the same upload; a new upload is another photo."""

    def script() -> None:
        import streamlit as st

        from pages.classify.photo_inputs import _take_uploads
        from pages.widgets.uploading import open_box

        _take_uploads(st.session_state["batch"], open_box("uploads"), "uploads")

    with running_registry(prepared_settings) as registry:
        batch = registry.open(None, owner="anna")
        app = AppTest.from_function(script)
        app.session_state["batch"] = batch
        for file_id, num_expected in (("first", 1), ("first", 1), ("second", 2)):
            app.session_state["uploads"] = [
                SimpleNamespace(file_id=file_id, name="cat.png", size=1, getvalue=lambda: CAT[1])
            ]
            app.run()
            assert not app.exception
            assert len(batch.view("").answers) == num_expected
