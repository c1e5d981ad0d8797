"""The classify page with models that a person has trained."""

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.config import HeadConfig
from core.inference.classifier import Classifier
from core.runs.decision import Decision, write_decision
from core.runs.folder import RunFolder
from core.settings import Settings
from pages.server.services import get_services
from tests.core.inference.model_runs import Models, outcome
from tests.core.inference.model_samples import SAMPLES, head_for_samples, record_for, write_model
from tests.pages.classify.classify_visits import answers, hood, labels, photos, settle, upload
from tests.pages.page_links import follow_link
from tests.pages.pretend_preparing import finish_preparing

OpenApp = Callable[..., AppTest]

CAT, COFFEE, ROCKET, MOTORCYCLE = (
    (name, photo, "image/png")
    for name, photo in zip(("cat.png", "coffee.png", "rocket.jpg", "motorcycle.png"), SAMPLES, strict=False)
)


@pytest.fixture
def models(prepared_settings: Settings, classifier: Classifier) -> Models:
    return Models(prepared_settings, classifier)


def texts(app: AppTest) -> str:
    """Everything the page says, letter by letter."""
    kinds = (app.title, app.subheader, app.markdown, app.caption, app.error, app.warning, app.info, app.success)
    return (
        "\n".join(element.value for kind in kinds for element in kind)
        .replace("\\", "")
        .replace("\N{NO-BREAK SPACE}", " ")
    )


def box(app: AppTest):
    return app.selectbox(key="network_picker.widget")


# --- choosing --------------------------------------------------------------------------------------------


def test_without_models_only_networks_are_offered(open_app: OpenApp, prepared_settings: Settings, models: Models):
    """Nobody is asked about models that are not there; a run that waits is none."""
    app = open_app(prepared_settings)
    assert box(app).label == "Network (backbone)"
    assert box(app).options[0] == "EfficientNet-Lite0 · ready"


def test_models_are_offered_before_the_networks(open_app: OpenApp, prepared_settings: Settings, models: Models):
    """The newest comes first, with the accuracy on test photos, else on validation photos, else none."""
    models.add("Tested")
    models.add("Validated", result=outcome(test=None))
    models.add("Untold", result=outcome(test=None, validation=None))
    app = open_app(prepared_settings)
    assert [option.replace("\N{NO-BREAK SPACE}", " ") for option in box(app).options[:4]] == [
        "Untold · your model",
        "Validated · your model, 95 % (validation)",
        "Tested · your model, 96 % (test)",
        "EfficientNet-Lite0 · ready",
    ]
    assert box(app).value == "EfficientNetLite0"


def test_a_chosen_model_tells_its_figures(open_app: OpenApp, prepared_settings: Settings, models: Models):
    """Accuracy with what is plausible, speed, size, what it learned from; its classes in place of the search box."""
    run_id = models.add("My _model_")
    app = open_app(prepared_settings)
    box(app).set_value(f"model:{run_id}").run()
    assert not app.exception
    assert [metric.value for metric in app.metric[:3]] == ["96\N{NO-BREAK SPACE}%", "9 ms", "14 MB"]
    for text in (
        "Your model **My _model_** says which of its 3 classes",
        "Right on 48 of 50 test photos, plausibly 86 to 99 %",
        "60 photos of My *things*, from EfficientNet-Lite0",
        "3 classes: “**cat**”, “<b>coffee</b>”, “2024”.",
    ):
        assert text in texts(app)
    assert not app.text_input(key="photo_inputs.link").disabled
    assert "Does it know" not in texts(app)
    assert not [box for box in app.text_input if box.key == "class_search.query"]


def test_the_choice_is_in_the_address(open_app: OpenApp, prepared_settings: Settings, models: Models):
    """A reload and another visitor with the same address get the same model; a network takes its place again."""
    run_id = models.add("Mine")
    app = open_app(prepared_settings)
    assert "".join(app.query_params["network"]) == "EfficientNetLite0"
    box(app).set_value(f"model:{run_id}").run()
    assert "".join(app.query_params["model"]) == str(run_id)
    assert "network" not in dict(app.query_params)
    reloaded = open_app(prepared_settings, model=str(run_id))
    assert box(reloaded).value == f"model:{run_id}"
    box(reloaded).set_value("EfficientNetLite0").run()
    assert "model" not in dict(reloaded.query_params)
    assert reloaded.metric[0].value == "75.1 %"


def test_the_choice_survives_other_pages(open_app: OpenApp, prepared_settings: Settings, models: Models):
    """The page of networks shows the backbone below the model, and leaves the choice alone."""
    run_id = models.add("Mine")
    app = open_app(prepared_settings, model=str(run_id))
    app.switch_page("pages/networks/page.py").run()
    assert not app.exception
    assert any(heading.value == "EfficientNet-Lite0" for heading in app.subheader)
    assert "".join(app.query_params["model"]) == str(run_id)
    app.switch_page("pages/classify/page.py").run()
    assert box(app).value == f"model:{run_id}"


def test_another_page_can_choose_a_model(open_app: OpenApp, prepared_settings: Settings, models: Models):
    """*Classify with it* on the page of a run leads to that run's model, whatever was chosen before."""
    run_id = models.add("Mine")
    app = open_app(prepared_settings, network="EfficientNetLite0")
    app.query_params["run"] = str(run_id)
    app.switch_page("pages/train/page.py").run()
    follow_link(app, "Classify with it")
    assert box(app).value == f"model:{run_id}"
    assert "run" not in app.query_params


# --- answers ---------------------------------------------------------------------------------------------


def test_photos_are_answered_with_a_persons_own_classes(open_app: OpenApp, prepared_settings: Settings, models: Models):
    """Names are told letter by letter; three classes give three bars; no kind of thing is guessed."""
    app = upload(open_app(prepared_settings, model=str(models.add("Mine"))), CAT, COFFEE, ROCKET)
    assert labels(app) == ["**cat**", "<b>coffee</b>", "2024"]
    for photo in photos(app).values():
        assert len(photo["classes"]) == 3
        assert photo["verdict"]["group"] is None


def test_another_model_answers_for_the_same_photos(open_app: OpenApp, prepared_settings: Settings, models: Models):
    """From ImageNet's classes to one's own and back, nothing is uploaded again."""
    run_id = models.add("Mine")
    app = upload(open_app(prepared_settings), COFFEE)
    assert labels(app) == ["espresso"]
    box(app).set_value(f"model:{run_id}").run()
    assert labels(settle(app)) == ["<b>coffee</b>"]
    box(app).set_value("EfficientNetLite0").run()
    assert labels(app) == ["espresso"]


def test_a_model_that_was_trained_again_answers_anew(open_app: OpenApp, prepared_settings: Settings, models: Models):
    """What an older model of the same run said is never shown."""
    run_id = models.add("Mine")
    app = upload(open_app(prepared_settings, model=str(run_id)), COFFEE)
    assert labels(app) == ["<b>coffee</b>"]
    record = replace(record_for(models.backbone, ("tea", "milk", "water")), fingerprint="another")
    write_model(RunFolder(prepared_settings, run_id), record, head_for_samples(models.backbone, 3))
    app.run()
    assert labels(settle(app)) == ["milk"]


def test_a_single_unit_is_explained_as_what_it_is(open_app: OpenApp, prepared_settings: Settings, models: Models):
    """Two classes have two bars, and one score."""
    run_id = models.add("Mine", head=HeadConfig(one_unit_for_two_classes=True))
    app = upload(open_app(prepared_settings, model=str(run_id)), CAT)
    assert len(photos(app)["cat.png"]["classes"]) == 2
    assert "× 1 weights turns the patterns into one score, and a sigmoid turns the score into" in hood(app)


def test_under_the_hood_tells_of_the_persons_own_head(open_app: OpenApp, prepared_settings: Settings, models: Models):
    """The matrix has a column for each class; the photo is fitted as in training."""
    run_id = models.add("Mine", fit_mode="letterbox")
    app = open_app(prepared_settings, model=str(run_id))
    for text in (
        "The whole photo is scaled, with grey bars",
        "EfficientNet-Lite0 (3.4 million learned numbers",
        "One table of 1,280 × 3 weights turns the patterns into 3 scores",
        "This step is what your photos taught it.",
    ):
        assert text in hood(app)


# --- photos that a model does not know ---------------------------------------------------------------------


def test_a_model_that_knows_its_limits_says_that_it_does_not_know(
    open_app: OpenApp, prepared_settings: Settings, models: Models
):
    """From the moment on that somebody chooses, for photos answered before as well; limits that are lost are told."""
    run_id = models.add("Mine")
    app = upload(open_app(prepared_settings, model=str(run_id)), COFFEE, MOTORCYCLE)
    assert "refused" not in {photo["verdict"]["kind"] for photo in photos(app).values()}
    assert "it can only pick one of these" in texts(app)
    write_decision(RunFolder(prepared_settings, run_id), Decision(temperature=2.0, min_probability=0.95))
    app.run()
    settle(app)
    said = {name: photo["verdict"] for name, photo in photos(app).items()}
    assert (said["coffee.png"]["kind"], said["motorcycle.png"]["kind"]) == ("sure", "refused")
    sentence = said["motorcycle.png"]["sentence"]
    assert re.search(r"^Its best guess, .+, has only \d+ %; this model answers from 95 % on\.", sentence)
    assert "It says that it does not know where its best guess has less than 95 %." in texts(app)
    assert "The scores are first divided by 2.00" in hood(app)
    RunFolder(prepared_settings, run_id).decision_path.write_bytes(b"{")
    app.run()
    settle(app)
    assert "which says when this model does not know, is damaged" in texts(app)
    assert "refused" not in {photo["verdict"]["kind"] for photo in photos(app).values()}


# --- what may go wrong -----------------------------------------------------------------------------------


def test_a_model_that_was_deleted_gives_way_and_says_so(open_app: OpenApp, prepared_settings: Settings, models: Models):
    """In the trash it can be restored; the default network answers meanwhile, and the address says so."""
    run_id = models.add("My _model_")
    app = open_app(prepared_settings, model=str(run_id))
    get_services().runs.trash(run_id)
    app.run()
    assert box(app).value == "EfficientNetLite0"
    message = "The model My _model_ was deleted; it can be restored on the Train page. EfficientNet-Lite0 answers"
    assert message in texts(app)
    assert "".join(app.query_params["network"]) == "EfficientNetLite0"
    box(app).set_value("EfficientNetLite1").run()
    assert "was deleted" not in texts(app)


def test_a_model_that_is_gone_for_good_gives_way(open_app: OpenApp, prepared_settings: Settings, models: Models):
    """Purged while its page is open: the next look says so."""
    run_id = models.add("Mine")
    app = upload(open_app(prepared_settings, model=str(run_id)), COFFEE)
    get_services().runs.trash(run_id)
    get_services().run_desk.purge(run_id)
    app.run()
    assert "The model that you had chosen was deleted for good. EfficientNet-Lite0 answers instead." in texts(app)
    assert labels(settle(app)) == ["espresso"]


@pytest.mark.parametrize("number", ["", "0", "-1", "12345", "1e3", "../1", "9" * 30, "٣"])
def test_an_address_that_is_made_up_is_no_error(open_app: OpenApp, prepared_settings: Settings, number: str):
    """Whatever stands behind model=, the page opens with the default network."""
    app = open_app(prepared_settings, model=number)
    assert not app.exception
    assert not app.error
    assert box(app).value == "EfficientNetLite0"


def test_a_damaged_file_of_a_model_is_named(open_app: OpenApp, prepared_settings: Settings, models: Models):
    """The message names file and remedy; the photos stay, and another network answers them."""
    run_id = models.add("Mine")
    RunFolder(prepared_settings, run_id).head_path.write_bytes(b"no head")
    app = open_app(prepared_settings, model=str(run_id))
    app.file_uploader[0].set_value([COFFEE]).run()
    assert not app.exception
    (error,) = app.error
    assert "head.npz is damaged" in error.value.replace("\\", "")
    assert answers(app)["seed"]["num_waiting"] == 1
    box(app).set_value("EfficientNetLite0").run()
    assert labels(settle(app)) == ["espresso"]


def test_a_model_whose_network_cannot_be_prepared_again_can_be_packaged(
    open_app: OpenApp, prepared_settings: Settings, models: Models
):
    """A module of TensorFlow Hub is in no catalogue; packaging makes the model independent of it."""
    run_id = models.add("Mine", artefact="hub-0000", backbone="hub:/nowhere")
    app = open_app(prepared_settings, model=str(run_id))
    assert "needs the prepared network that it was trained on" in texts(app)
    get_services().supervisor.stop()  # the task must still wait when the page looks
    next(button for button in app.button if button.label == "Package the model").click().run()
    assert not app.exception
    assert "is being packaged" in texts(app)


@pytest.mark.usefixtures("no_workers")
def test_a_model_whose_backbone_left_the_cache_waits_for_it(
    open_app: OpenApp, settings: Settings, prepared_cache: Path, classifier: Classifier
):
    """The backbone is prepared again by itself, as for its own classes, and the photos are answered in the end."""
    models = Models(settings, classifier)
    run_id = models.add("Mine")
    shutil.rmtree(settings.cache_path / "backbones")
    app = open_app(settings, model=str(run_id))
    assert "Getting EfficientNet-Lite0 ready" in texts(app)
    app.file_uploader[0].set_value([COFFEE]).run()
    assert answers(app)["seed"]["num_waiting"] == 1
    finish_preparing(get_services(), prepared_cache)
    assert labels(settle(app)) == ["<b>coffee</b>"]
