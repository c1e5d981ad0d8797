"""A model from elsewhere on the classify page: brought in, asked, put right, renamed, deleted and brought back."""

from collections.abc import Callable

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.errors import BluetitError
from core.foreign.scaling import Scaling
from core.jobs.context import TaskContext
from core.jobs.handlers import resolve_handler
from core.jobs.kinds import Lane
from core.jobs.status import TaskStatus
from core.settings import Settings
from core.task_kinds import TASK_KINDS
from pages.server.services import get_services
from tests.core.foreign.foreign_samples import as_litert, small_model, teachable_bytes, zipped
from tests.core.inference.model_samples import SAMPLES
from tests.pages.classify.classify_visits import answers, hood, labels, photos, upload

OpenApp = Callable[..., AppTest]

CAT = ("cat.png", SAMPLES[0], "image/png")
NAMES_TXT = b"0 cat\n1 coffee\n2 rocket\n"


@pytest.fixture(scope="module")
def content() -> bytes:
    """A LiteRT file of three classes."""
    return as_litert(small_model())


@pytest.fixture
def app(open_app: OpenApp, prepared_settings: Settings, no_workers: None) -> AppTest:
    """The page, with the box for models open; the test does the work of the worker."""
    opened = open_app(prepared_settings)
    opened.session_state["foreign.bring"] = True
    return looked_at(opened.run())


def looked_at(app: AppTest) -> AppTest:
    assert not app.exception, app.exception
    return app


def texts(app: AppTest) -> str:
    """Everything the page says, letter by letter."""
    kinds = (app.title, app.subheader, app.markdown, app.caption, app.error, app.warning, app.info, app.toast)
    found = "\n".join(element.value for kind in kinds for element in kind)
    return found.replace("\\", "").replace("\N{NO-BREAK SPACE}", " ")


def click(app: AppTest, key: str) -> AppTest:
    return looked_at(app.button(key=key).click().run())


def names_box(app: AppTest):
    return next(each for each in app.text_area if each.key.startswith("foreign.names."))


def drop(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    box = next(each for each in app.file_uploader if each.key.startswith("foreign.files"))
    return looked_at(box.set_value([(name, data, "application/octet-stream") for name, data in files]).run())


def work() -> None:
    """Do the reading that waits, as a worker does."""
    queue = get_services().queue
    queue.register_worker("w1", pid=1, host="elsewhere", lane=Lane.PHOTOS)
    task = queue.claim("w1", ["bring_model"])
    assert task is not None
    context, status, error = TaskContext(queue, get_services().settings, task), TaskStatus.DONE, None
    try:
        resolve_handler(TASK_KINDS[task.kind])(context)
    except BluetitError as exc:
        status, error = TaskStatus.FAILED, str(exc)
    context.flush()
    queue.finish(task.id, "w1", status=status, error=error)
    context.end(is_done=status is TaskStatus.DONE)


def brought(app: AppTest, *files: tuple[str, bytes]) -> AppTest:
    drop(app, *files)
    work()
    return looked_at(app.run())


def test_a_model_is_dropped_and_answers(app: AppTest, content: bytes):
    """Progress meanwhile, then it is the chosen network; the address leads to it, and the hood says what is known."""
    drop(app, ("model_unquant.tflite", content), ("labels.txt", NAMES_TXT))
    assert [button.label for button in app.button if button.key == "foreign.stop"] == ["Stop"]
    work()
    looked_at(app.run())
    assert "cat, coffee, rocket is here and answers." in texts(app)
    assert app.query_params["foreign"] == "1"
    assert "says which of its 3 classes it sees" in texts(app)
    assert "From Teachable Machine: model_unquant.tflite" in texts(app)
    assert "Pixels go in as −1 to 1. That is what Teachable Machine" in texts(app)
    assert app.selectbox(key="network_picker.widget").value == "foreign:1"
    upload(app, CAT)
    assert labels(app)[0] in ("cat", "coffee", "rocket")
    assert "What it finds on the way is not shown" in hood(app)
    assert answers(app)["hood"]["comparison"] == ""


def test_what_the_model_says_under_each_scaling_is_shown_and_one_is_chosen(app: AppTest, content: bytes):
    """The photo of the visitor, the numbers of its pixels, three answers; the choice changes the answers at once."""
    brought(app, ("birds.tflite", content), ("labels.txt", b"cat\ncoffee\nrocket"))
    assert "This is a guess: look below" in texts(app)
    upload(app, CAT)
    before = photos(app)["cat.png"]["classes"]
    said = texts(app)
    assert "Example: cat.png" in said
    for words in ("0 to 255", "0 to 1", "−1 to 1"):
        assert f"**{words}**" in said
    assert "pixels −" in said
    click(app, f"foreign.scaling.1.{Scaling.BYTES}")
    assert "Pixels go in as 0 to 255, as you chose; Bluetit took 0 to 1 for right" in texts(app)
    upload(app, ("cat 2.png", SAMPLES[0], "image/png"))
    after = photos(app)["cat 2.png"]["classes"]
    assert not np.isclose(before[0]["probability"], after[0]["probability"])
    app.selectbox(key="foreign.fit.1").set_value("letterbox").run()
    assert get_services().foreign.get(1).record.fit_mode == "letterbox"
    assert app.query_params["foreign"] == "1"


def test_an_old_file_is_opened_only_after_its_risk_is_accepted_in_words(app: AppTest):
    """Nothing is queued before; the button waits for the tick."""
    files = zipped({"keras_model.h5": teachable_bytes(), "labels.txt": NAMES_TXT})
    drop(app, ("converted_keras.zip", files))
    assert get_services().queue.claim("w0", ["bring_model"]) is None
    assert app.button(key="foreign.bring_in").disabled
    (accept,) = [each for each in app.checkbox if each.key.startswith("foreign.accepts.")]
    assert accept.label.startswith("I know and trust whoever made this file")
    looked_at(accept.check().run())
    click(app, "foreign.bring_in")
    work()
    looked_at(app.run())
    assert "From Teachable Machine: converted_keras.zip" in texts(app)


def test_what_is_refused_says_why_and_typed_names_help(app: AppTest, content: bytes):
    """The files stay until they are put away; nothing of them is in the choice."""
    brought(app, ("birds.tflite", content))
    assert "does not say what its 3 classes are called" in texts(app)
    assert not [each for each in app.selectbox(key="network_picker.widget").options if "birds" in each]
    names_box(app).set_value("cat\ncoffee").run()
    click(app, "foreign.bring_in")
    work()
    looked_at(app.run())
    assert "has 3 classes, and there are 2 names (cat, coffee)" in texts(app)
    names_box(app).set_value("cat\ncoffee\nrocket").run()
    click(app, "foreign.bring_in")
    work()
    looked_at(app.run())
    assert "birds is here and answers." in texts(app)


def test_stopping_keeps_nothing_and_the_files_can_be_put_away(
    app: AppTest, content: bytes, prepared_settings: Settings
):
    """Then the box for files is there again."""
    drop(app, ("birds.tflite", content))
    click(app, "foreign.stop")
    looked_at(app.run())
    assert "Stopped; nothing of it was kept." in texts(app)
    click(app, "foreign.drop")
    looked_at(app.run())
    assert [each for each in app.file_uploader if each.key.startswith("foreign.files")]
    assert list(prepared_settings.incoming_path.glob("*")) == []


def test_it_is_renamed_deleted_and_brought_back(app: AppTest, content: bytes, prepared_settings: Settings):
    """Who had chosen it is told what answers in its place; deleted for good its file is gone."""
    brought(app, ("birds.tflite", content), ("labels.txt", NAMES_TXT))
    looked_at(app.text_input(key="foreign.menu.name.1").set_value("Things").run())
    assert app.selectbox(key="network_picker.widget").options[0].startswith("Things · from")
    click(app, "foreign.menu.delete.1")
    assert "Deleted Things. It can be brought back." in texts(app)
    assert app.query_params["network"] == "EfficientNetLite0"
    app.session_state["foreign.bring"] = True
    looked_at(app.run())
    click(app, "foreign.restore.1")
    assert app.query_params["foreign"] == "1"
    click(app, "foreign.menu.delete.1")
    app.session_state["foreign.bring"] = True
    looked_at(app.run())
    click(app, "foreign.purge.1")
    assert list(prepared_settings.foreign_path.glob("*")) == []


def test_a_link_to_a_deleted_model_says_what_answers_in_its_place(
    app: AppTest, content: bytes, open_app: OpenApp, prepared_settings: Settings
):
    """Nobody takes the answers of another network for those of the model."""
    brought(app, ("birds.tflite", content), ("labels.txt", NAMES_TXT))
    get_services().foreign.trash(1)
    other = open_app(prepared_settings, foreign="1")
    assert "was deleted; it can be brought back below" in texts(looked_at(other))
    assert "EfficientNet-Lite0 answers instead." in texts(other)
