"""Every state of the train page, with a worker that only pretends to train."""

import io
import json
import zipfile
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.backbones.artefacts import find_artefact
from core.backbones.catalog import Backbone
from core.datasets.checks.findings import Finding, FindingKind
from core.datasets.records import Review, Split
from core.features.cache import FeatureCache
from core.features.key import feature_key
from core.photos.fit import TRAINED_CROP_FRACTION
from core.recipes import RECIPES
from core.runs.begin import NO_SNAPSHOT, RunRequest, begin_runs
from core.runs.records import RunStatus, RunView
from pages.server.file_routes import FILE_ROUTES
from pages.server.run_routes import runs_url
from tests.conftest import PROJECT_DIR
from tests.core.datasets.library_samples import add, class_ids, new_image
from tests.pages.component_data import told, told_texts, watched
from tests.pages.conftest import RUN_TIMEOUT_SECONDS
from tests.pages.page_links import follow_link, link_labels
from tests.pages.server.route_visits import fetch
from tests.pages.train.conftest import PAGE, Visit
from tests.pages.train.pretend_training import PretendWorker, make_birds
from tests.statements import noted_statements

NBSP = "\N{NO-BREAK SPACE}"


def submit(worker: PretendWorker, dataset_id: int, recipe: str = "quick", **values: str) -> RunView:
    """A run as the page begins it."""
    config = RECIPES[recipe].config(NO_SNAPSHOT, backbone="EfficientNetLite0", num_layers=141)
    if recipe == "from_scratch":
        config = RECIPES[recipe].config(NO_SNAPSHOT)
    services = worker.services
    request = RunRequest(dataset_id=dataset_id, config=config, recipe=recipe, **values)
    (view,) = begin_runs(services.database, services.run_desk, [request])
    return view


def done(worker: PretendWorker, dataset_id: int, *, right: int = 5, recipe: str = "quick", **values: str) -> int:
    """A run that is done, right on so many of six validation photos."""
    view = submit(worker, dataset_id, recipe, **values)
    assert worker.begin() == view.id
    worker.train(view.id, 1, 2, 3)
    worker.finish(view.id, validation=(right, 6))
    return view.id


def texts(app: AppTest) -> str:
    """Everything the page says."""
    kinds = (app.title, app.subheader, app.markdown, app.caption, app.error, app.warning, app.info, app.success)
    found = [element.value for kind in kinds for element in kind]
    found += [element.proto.body for element in app.get("html")]
    found += [element.proto.text for element in app.get("progress")]
    found += told_texts(app)
    return "\n".join(found)


def button(app: AppTest, label: str):
    """The button that says this, letter by letter."""
    return next(candidate for candidate in app.button if candidate.label.replace("\\", "") == label)


def has_button(app: AppTest, label: str) -> bool:
    return any(candidate.label == label for candidate in app.button)


def press(app: AppTest, label: str) -> AppTest:
    button(app, label).click().run()
    assert not app.exception, app.exception
    return app


def listed(app: AppTest) -> dict[str, Any]:
    """What the list of runs is given to show."""
    (component,) = [each for each in app.get("bidi_component") if each.proto.component_name == "bluetit_run_list"]
    return json.loads(component.proto.json)


def choose_view(app: AppTest, name: str) -> AppTest:
    next(group for group in app.get("button_group") if group.key == "train.start.view").set_value(name).run()
    assert not app.exception, app.exception
    return app


def setting(app: AppTest, kind: str, name: str):
    return getattr(app, kind)(key=f"train.setting.{name}")


def runs(worker: PretendWorker) -> list[RunView]:
    return worker.services.runs.list_runs()


# Statements that read, when a page is made anew and nothing has changed; measured, for they grow by themselves.
MOST_STATEMENTS = {
    ("train", ""): 24,
    ("train", "run"): 10,
    ("dataset", "dataset"): 23,  # one of them for phones that send photos
    ("results", "run"): 9,
}


def test_a_page_made_anew_asks_little_of_the_database(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """No JSON that was read before, no wait for whoever writes, and no more statements than there have to be."""
    services = worker.services
    values = {"run": done(worker, birds), "dataset": birds}
    services.library.checks.save(birds, services.library.datasets.get(birds).revision, [])
    counts = {}
    for page, parameter in MOST_STATEMENTS:
        app = visit(**{parameter: values[parameter]} if parameter else {})
        app.switch_page(f"pages/{page}/page.py").run()
        app.run()
        with noted_statements(services.database) as statements:
            app.run()
        assert not app.exception, app.exception
        reading = [sql for sql in statements if sql.startswith("SELECT")]
        assert not [sql for sql in reading if "findings" in sql and "dismissed" not in sql]
        assert not [sql for sql in reading if "changes" in sql]
        assert "BEGIN IMMEDIATE" not in statements
        counts[page, parameter] = len(reading)
    assert {key: number for key, number in counts.items() if number > MOST_STATEMENTS[key]} == {}


# --- before the start ------------------------------------------------------------------------------------


def test_a_link_can_bring_a_network_along(visit: Visit, birds: int) -> None:
    """The form is on top of it from then on, and the address has it no more; a name that is none changes nothing."""
    app = visit(backbone="DINOv2Small")
    assert app.selectbox(key="train.start.backbone").value == "DINOv2Small"
    assert "backbone" not in app.query_params
    app.run()
    assert app.selectbox(key="train.start.backbone").value == "DINOv2Small"
    app.query_params["backbone"] = "NoSuchNet"
    app.run()
    assert not app.exception, app.exception
    assert app.selectbox(key="train.start.backbone").value == "DINOv2Small"


def test_without_photos_the_page_says_where_to_get_some(visit: Visit) -> None:
    """Nobody is left with an empty form."""
    app = visit()
    assert "There are no photos to learn from yet" in texts(app)
    follow_link(app, "Make a dataset")
    assert app.title[0].value == "Teach it your own photos"


def test_one_button_trains(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """Counts after splitting, a duration, one primary button; pressing it splits, freezes, queues and shows the run."""
    app = visit()
    counts = {metric.label: metric.value for metric in app.metric}
    assert (counts["Train"], counts["Validation"], counts["Test"]) == ("28", "6", "6")
    assert "Takes about" in counts
    assert "40 photos without a split will get one" in texts(app)
    assert [each.label for each in app.button if each.proto.type == "primary"] == ["Train"]
    press(app, "Train")
    (view,) = runs(worker)
    assert (view.recipe, view.dataset_id, view.status) == ("quick", birds, RunStatus.QUEUED)
    assert view.config == RECIPES["quick"].config(view.snapshot_hash)
    assert "".join(app.query_params["run"]) == str(view.id)
    assert view.name == "Birds · Quick · EfficientNet-Lite0"
    assert app.title[0].value.replace("\\", "") == view.name
    assert None not in {image.split for image in worker.services.library.images.of(birds)}


def test_a_repeated_run_is_told_to_be_short(visit: Visit, worker: PretendWorker, birds: int, lite0: Backbone) -> None:
    """What a training has left in the cache of features is not counted again, whatever the page has told before."""

    def told() -> str:
        return next(metric.proto.help for metric in visit().metric if metric.label == "Takes about")

    first = told()
    artefact = find_artefact(lite0, worker.services.settings)
    assert artefact is not None
    key = feature_key(artefact.record.fingerprint, "crop", TRAINED_CROP_FRACTION)
    hashes = {image.photo_hash for image in worker.services.library.images.of(birds)}
    FeatureCache(worker.services.settings).put(*key, {each: np.zeros(1280, np.float32) for each in hashes})
    assert "photo once 0.0 s" in told()
    assert "photo once 0.0 s" not in first


def test_unsure_photos_are_left_out_and_told(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """A photo whose class nobody is sure of does not count, and the page says so before the start."""
    library = worker.services.library
    library.images.set_review([image.id for image in library.images.of(birds)[:3]], Review.UNSURE)
    told = texts(visit())
    assert "3 photos marked as unsure will not be used." in told
    assert "37 photos without a split will get one" in told


def test_the_dataset_that_was_opened_last_is_chosen(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """Whoever comes from the dataset page trains on what was open there, even when another one is newer."""
    newer = make_birds(worker.services.library, "Newer birds")
    app = visit()
    assert app.selectbox(key="train.start.dataset").value == newer
    app = AppTest.from_file(str(PROJECT_DIR / "streamlit_app.py"), default_timeout=RUN_TIMEOUT_SECONDS)
    app.query_params["dataset"] = str(birds)
    app.switch_page("pages/dataset/page.py").run()
    app.switch_page(PAGE).run()
    assert app.selectbox(key="train.start.dataset").value == birds


def test_each_recipe_is_one_choice(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """Walk-throughs too, with their own networks; nothing else needs to be touched."""
    app = visit()
    for name in (
        "best_offline",
        "small_data",
        "mobilenet_three_dense",
        "hub_feature_vector",
        "from_scratch",
        "densenet201",
    ):
        recipe = RECIPES[name]
        key = "train.start.recipe" if recipe.source is None else "train.start.walk_through"
        app.radio(key=key).set_value(name).run()
        press(app, "Train")
        view = runs(worker)[0]
        assert view.recipe == name
        assert view.config == recipe.config(view.snapshot_hash, backbone=recipe.backbone or "EfficientNetLite0")
        press(app, "New run")


def test_moved_sliders_are_kept_when_the_view_changes(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """What was changed as an expert counts in the simple view, too, and is told there; it can be taken back."""
    app = choose_view(visit(), "Expert")
    setting(app, "number_input", "head_phase.num_epochs").set_value(7).run()
    setting(app, "select_slider", "head_phase.learning_rate").set_value(0.003).run()
    setting(app, "text_input", "head.hidden_units").set_value("64, 32").run()
    setting(app, "toggle", "has_class_weights").set_value(True).run()
    setting(app, "toggle", "finds_learning_rate").set_value(True).run()
    assert setting(app, "select_slider", "head_phase.learning_rate").disabled
    choose_view(app, "Simple")
    assert r"Not as in the recipe: epochs 7, learning rate 0.003, dense layers 64\-32, rare classes" in texts(app)
    choose_view(app, "Expert")
    assert setting(app, "number_input", "head_phase.num_epochs").value == 7
    press(app, "Train")
    config = runs(worker)[0].config
    assert (config.head_phase.num_epochs, config.head_phase.learning_rate) == (7, 0.003)
    assert (config.head.hidden_units, config.has_class_weights) == ((64, 32), True)
    assert config.finds_learning_rate
    press(app, "New run")
    press(app, "As in the recipe")
    assert setting(app, "number_input", "head_phase.num_epochs").value == 30


def test_the_cut_is_told_in_layers(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """The slider goes from the head alone to everything, in the network's own numbers, with blocks and seconds."""
    app = choose_view(visit(), "Expert")
    assert "**Head only**: all 141 layers" in texts(app)
    app.select_slider(key="train.cut.layer").set_value(112).run()
    said = texts(app)
    assert "From layer **112** of 141 on" in said
    assert "in block `block6c`" in said
    assert "for each epoch of fine-tuning" in said
    press(app, "Train")
    config = runs(worker)[0].config
    assert config.fine_tune is not None
    assert (config.fine_tune.first_layer, config.fine_tune.phase.learning_rate) == (112, 1e-4)
    press(app, "New run")
    app.select_slider(key="train.cut.layer").set_value(141).run()
    press(app, "Train")
    assert runs(worker)[0].config.fine_tune is None


def test_layers_that_are_not_known_yet(visit: Visit, birds: int, without_keras_cache: None) -> None:
    """A share of an unprepared network can be chosen, but not trained before it is prepared, and that is offered."""
    app = visit()
    app.radio(key="train.start.recipe").set_value("careful").run()
    app.selectbox(key="train.start.backbone").set_value("MobileNetV2").run()
    assert button(app, "Train").disabled
    assert "known once it is prepared" in texts(app)
    assert has_button(app, "Download 14 MB")
    choose_view(app, "Expert")
    assert app.select_slider(key="train.cut.share").value == 20
    app.select_slider(key="train.cut.share").set_value(0).run()
    assert not button(app, "Train").disabled


def test_values_that_do_not_go_together_are_told_before_the_start(visit: Visit, birds: int) -> None:
    """The config's own words stand where the button cannot be pressed."""
    app = choose_view(visit(), "Expert")
    setting(app, "text_input", "head.hidden_units").set_value("many").run()
    assert button(app, "Cannot train: a setting cannot be used").disabled
    assert "a list of whole numbers" in texts(app)


def test_nothing_to_learn_from_is_refused(visit: Visit, worker: PretendWorker) -> None:
    """A single class, no train photos, one class without any, all unsure: the button says it, a link leads there."""
    library = worker.services.library
    held_out = make_birds(library)
    library.images.set_split([image.id for image in library.images.of(held_out)], Split.TEST)
    make_birds(library, "Lonely *bird*", crow=range(300, 310))
    app = visit()
    assert button(app, "Cannot train: only one class has photos").disabled
    assert "there is nothing to tell it from" in button(app, "Cannot train: only one class has photos").help
    assert next(each for each in app.button if each.label.startswith("Start the race")).disabled
    assert "has photos for training, and there is nothing to tell it from" in texts(app)
    assert r"Lonely \*bird\*" in texts(app)
    assert "Add photos" in link_labels(app)
    app.selectbox(key="train.start.dataset").set_value(held_out).run()
    assert button(app, "Cannot train: no photos for training").disabled
    assert "has no photos for training" in texts(app)
    images = library.images.of(held_out)
    library.images.set_split([image.id for image in images[:20]], Split.TRAIN)
    assert button(app.run(), "Cannot train: only one class has photos for training").disabled
    add(library, held_out, "jay", range(400, 420))
    assert button(app.run(), "Cannot train: “tit” without photos for training").disabled
    follow_link(app, "Split the photos")
    assert next(each for each in app.get("button_group") if each.key == "dataset.section").value == "Split"
    library.images.set_review([image.id for image in library.images.of(held_out)], Review.UNSURE)
    assert button(app.switch_page(PAGE).run(), "Cannot train: all photos are marked as unsure").disabled


def test_warnings_lead_to_their_remedy(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """No validation photos: the way to the section Split of that dataset is one click."""
    library = worker.services.library
    library.images.set_split([image.id for image in library.images.of(birds)], Split.TRAIN)
    app = visit()
    assert "No validation photos" in texts(app)
    follow_link(app, "Split")
    assert app.title[0].value == "Birds"
    assert next(each for each in app.get("button_group") if each.key == "dataset.section").value == "Split"


def add_shaped(worker: PretendWorker, name: str, size: tuple[int, int], *, num_others: int = 0) -> int:
    """A dataset with two classes of twenty photos of this size each, and some of an ordinary one."""
    library = worker.services.library
    dataset_id = library.datasets.create(name, ["first", "second"]).id
    for class_name, begin in (("first", 100), ("second", 200)):
        images = [new_image(number, class_name) for number in range(begin, begin + 20 + num_others)]
        shaped = [
            replace(image, photo=replace(image.photo, width=size[0], height=size[1])) if place < 20 else image
            for place, image in enumerate(images)
        ]
        library.images.add(dataset_id, shaped)
    return dataset_id


def test_long_photos_are_shown_whole(visit: Visit, worker: PretendWorker) -> None:
    """Where a square would cut most of each photo off, the whole photo is the choice by itself, for races too."""
    add_shaped(worker, "Strips", (900, 150))
    app = visit()
    assert f"{83}{NBSP}% of each photo is cut off" in texts(app)
    assert "The whole photo is used" in texts(app)
    assert "Not as in the recipe" not in texts(app)
    press(app, "Train")
    assert [view.config.fit_mode for view in runs(worker)] == ["squash"]
    app = press(visit(), "Cut to the middle after all")
    assert "may be outside of it" in texts(app)
    assert "Not as in the recipe" not in texts(app)  # for the recipe itself cuts
    press(app, "Use the whole photo")
    assert "Not as in the recipe" not in texts(app)
    press(app, "Cut to the middle after all")
    press(app, "Train")
    assert [view.config.fit_mode for view in runs(worker)] == ["crop", "squash"]
    app = visit()
    app.multiselect(key="train.race.chosen").set_value(["EfficientNetLite0", "EfficientNetLite1"]).run()
    press(app, "Start the race of 2 networks")
    assert [view.config.fit_mode for view in runs(worker)] == ["squash", "squash", "crop", "squash"]


def test_some_long_photos_are_told(visit: Visit, worker: PretendWorker) -> None:
    """Among ordinary ones they change nothing by themselves; one click shows them whole."""
    add_shaped(worker, "Mixed", (400, 1600), num_others=30)
    app = visit()
    assert f"75{NBSP}% is cut off 40 of 100 photos" in texts(app)
    press(app, "Use the whole photo")
    press(app, "Train")
    assert [view.config.fit_mode for view in runs(worker)] == ["squash"]


def test_nothing_is_said_of_ordinary_photos(visit: Visit, birds: int) -> None:
    """Photos of 4 to 3 are what the networks are used to."""
    app = visit()
    assert "cut off" not in texts(app)
    assert not has_button(app, "Use the whole photo")


def find_mirrored(worker: PretendWorker, dataset_id: int) -> None:
    """A check that found all classes to be mirror images of each other."""
    library = worker.services.library
    finding = Finding(
        key="mirrored_classes:1",
        kind=FindingKind.MIRRORED_CLASSES,
        title="Mirror images in different classes",
        why="They are no copies.",
        remedy=None,
        image_ids=(),
        class_ids=tuple(class_ids(library, dataset_id).values()),
    )
    library.checks.save(dataset_id, library.datasets.get(dataset_id).revision, [finding.to_json()])


def test_mirror_images_are_not_mirrored(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """A recipe that mirrors gets it off, which is said; at the switch and before the start there is a warning."""
    find_mirrored(worker, birds)
    app = visit()
    assert "Mirroring is off" not in texts(app)  # nor would it be with this recipe
    app.radio(key="train.start.recipe").set_value("small_data").run()
    assert "**Mirroring is off**, though the recipe has it: “crow” and “tit” are mirror images" in texts(app)
    choose_view(app, "Expert")
    assert setting(app, "toggle", "augment.flip").value is False
    assert "better leave it off" in texts(app)
    setting(app, "toggle", "augment.flip").set_value(True).run()
    assert "each of them would be shown under both names. Switch it off." in texts(app)
    assert "and mirroring is on" in texts(app)
    press(app, "Switch mirroring off")
    press(app, "Train")
    (view,) = runs(worker)
    assert view.config.augment == replace(RECIPES["small_data"].augment, flip=False)


def test_answers_are_not_averaged_over_mirror_images_that_are_other_classes(
    visit: Visit, worker: PretendWorker, birds: int
) -> None:
    """A recipe whose answers take the mirror image in does without, which is said; for other photos it does not."""
    app = visit()
    app.radio(key="train.start.recipe").set_value("best_offline").run()
    assert "mirror images of each other" not in texts(app)
    press(app, "Train")
    assert runs(worker)[0].config.averages_flips
    press(app, "New run")
    find_mirrored(worker, birds)
    app = visit()
    app.radio(key="train.start.recipe").set_value("best_offline").run()
    assert "**Mirroring is off**, though the recipe has it: “crow” and “tit” are mirror images" in texts(app)
    press(app, "Train")
    config = runs(worker)[0].config
    assert (config.backbone, config.averages_flips) == ("BestOffline", False)


def test_mirroring_stays_off_when_the_finding_is_put_away(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """That it is fine for classes to be mirror images does not make them anything else."""
    find_mirrored(worker, birds)
    worker.services.library.checks.dismiss(birds, ["mirrored_classes:1"])
    app = visit()
    app.radio(key="train.start.recipe").set_value("small_data").run()
    assert "Mirroring is off" in texts(app)


def test_what_makes_the_number_wrong_is_told_before(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """The same photo in two classes, with the way to the check."""
    library = worker.services.library
    add(library, birds, "tit", range(100, 103))
    doubled = Finding(
        key="in_two_classes:1",
        kind=FindingKind.IN_TWO_CLASSES,
        title="In two classes at once",
        why="Nothing can be learned from it.",
        remedy=None,
        image_ids=(1, 41, 2, 42, 3, 43),
        groups=((1, 41), (2, 42), (3, 43)),
        member_keys=("1", "2", "3"),
    )
    library.checks.save(birds, library.datasets.get(birds).revision, [doubled.to_json()])
    app = visit()
    assert "3 photos are in two classes at once" in texts(app)
    follow_link(app, "Check")
    assert next(each for each in app.get("button_group") if each.key == "dataset.section").value == "Check"


# --- while it trains -------------------------------------------------------------------------------------


def test_the_place_in_the_queue(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """A run that waits says where it stands among those that wait."""
    for _ in range(2):
        submit(worker, birds)
    last = submit(worker, birds)
    app = visit(last.id)
    assert "You are 3rd" in texts(app)
    worker.begin()
    assert "You are 2nd" in texts(app.run())


def test_a_run_that_trains(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """Phase, epoch, progress, time left, speed, photos with words, warnings; what is new is shown at the next look."""
    run_id = submit(worker, birds).id
    worker.begin()
    worker.report(run_id, 0.4, "Training the last layers, epoch 3 of 30")
    worker.train(run_id, 1, 2)
    worker.show_photo(run_id, 2, is_right=False)
    worker.note(run_id, "Out of memory: batches of 16 *photos* now.", is_warning=True)
    app = visit(run_id)
    said = texts(app)
    for part in (
        "epoch 3 of 30 · about",
        f"best so far: 90{NBSP}% of the validation photos, epoch 2",
        "321 photos per second",
        "✗ wrong",
        "It is “crow”, 20 %",
        "batches of 16 *photos* now.",
    ):
        assert part in said, part
    step = told(app)
    assert (step["title"], step["term"]) == ("Training the new last layers", "head phase")
    assert (step["epoch"], step["num_epochs"], step["fraction"]) == (3, 30, 0.4)
    assert f"bluetit/runs/{run_id}/progress" in watched(app)
    worker.train(run_id, 3)
    worker.show_photo(run_id, 3, is_right=True)
    said = texts(app.run())
    assert told(app)["epoch"] == 4
    assert "✓ right" in said


def test_a_run_that_went_back_is_read_anew(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """Epochs that a resumed run has dropped are not shown any more."""
    run_id = submit(worker, birds).id
    worker.begin()
    worker.train(run_id, 1, 2, 3, 4)
    app = visit(run_id)
    assert told(app)["epoch"] == 5
    events = worker.services.runs.events_after(run_id, 0, kinds=["epoch"])
    worker.services.runs.drop_events_after(run_id, events[1].sequence)
    assert told(app.run())["epoch"] == 3


def test_stop_and_cancel(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """Stop keeps the best epoch; cancel is asked about first, then discards."""
    stopped, cancelled = submit(worker, birds).id, submit(worker, birds).id
    worker.begin()
    app = press(visit(stopped), "Stop")
    assert worker.services.runs.is_stop_requested(stopped)
    assert "Stopping: the best epoch so far is kept" in texts(app)
    assert button(app, "Stop").disabled
    app = visit(cancelled)
    assert "Discard this run?" in texts(app)
    press(app, "Discard the run")
    assert worker.services.runs.get_run(cancelled).status is RunStatus.CANCELLED
    assert "There is no model" in texts(app)


def test_a_run_survives_leaving_the_page(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """Another page and back, a reload, another device: the run is open, live."""
    run_id = submit(worker, birds).id
    worker.begin()
    app = visit(run_id)
    app.switch_page("pages/dataset/page.py").run()
    app.switch_page(PAGE).run()
    assert "".join(app.query_params["run"]) == str(run_id)
    assert has_button(app, "Stop")
    assert has_button(visit(run_id), "Stop")


@pytest.mark.parametrize("address", ["99", "no number", "9" * 30, ""])
def test_an_address_of_no_run(visit: Visit, birds: int, address: str) -> None:
    """A typed or old address leads to the form."""
    app = visit(address)
    assert app.title[0].value == "Train a network on your photos"
    assert "run" not in app.query_params


# --- afterwards ------------------------------------------------------------------------------------------


def test_how_good_it_is(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """The test photos speak first, with what is plausible; without them the validation speaks, with its caveat."""
    run_id = submit(worker, birds).id
    worker.begin()
    worker.finish(run_id, validation=(190, 200), test=(192, 200))
    said = texts(visit(run_id))
    assert f"Right on 192 of 200 photos it had never seen: **96{NBSP}%**, plausibly 92 to 98{NBSP}%" in said
    assert "Validation: 190 of 200" in said
    said = texts(visit(done(worker, birds, right=6)))
    assert f"Right on 6 of 6 photos for validation: **100{NBSP}%**, plausibly 61 to 100{NBSP}%" in said
    assert "probably a little too good" in said


def test_a_run_beside_its_walk_through(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """Published numbers stand in the form, and beside the run's own once it is done; other recipes have none."""
    app = visit()
    app.radio(key="train.start.walk_through").set_value("from_scratch").run()
    assert "**Published for cats and dogs**" in texts(app)
    assert f"| Validation accuracy | 88{NBSP}% |" in texts(app)
    assert "once a run on this dataset is done" in texts(app)
    run_id = done(worker, birds, right=3, recipe="from_scratch")
    said = texts(visit(run_id))
    assert "**The walk-through and your run**" in said
    assert f"| Validation accuracy | 88{NBSP}% | **50{NBSP}%** |" in said
    assert "| Epochs | 15 | **12** |" in said
    app.run()
    assert f"| Validation accuracy | 88{NBSP}% | **50{NBSP}%** |" in texts(app)
    assert "Yours: Birds · From scratch." in texts(app)
    assert "The walk-through and your run" not in texts(visit(done(worker, birds)))


def test_what_a_walk_through_has_and_the_run_has_not(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """The difference once saved and loaded is known when the files are made."""
    recipe = RECIPES["hub_feature_vector"]
    request = RunRequest(dataset_id=birds, config=recipe.config(NO_SNAPSHOT), recipe=recipe.name)
    (view,) = begin_runs(worker.services.database, worker.services.run_desk, [request])
    worker.begin()
    worker.finish(view.id, validation=(6, 6))
    assert "| Largest difference, saved and loaded | 0 | :gray[not saved yet] |" in texts(visit(view.id))
    worker.package(view.id)
    assert "| Largest difference, saved and loaded | 0 | **0** |" in texts(visit(view.id))


def test_the_gap_to_the_baseline(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """A run from scratch on the same photos shows what transfer learning saves; the baseline itself does not."""
    run_id = done(worker, birds, right=6)
    assert "started from nothing" not in texts(visit(run_id))
    baseline = done(worker, birds, right=3, recipe="from_scratch")
    assert "gains **50 points**" in texts(visit(run_id))
    assert "started from nothing" not in texts(visit(baseline))


def test_the_files_to_take_away(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """Made on request, seen while being made, told what was found, in one zip or each alone."""
    run_id = done(worker, birds)
    app = visit(run_id)
    press(app, "Make the files")
    assert "Packaging waits for its turn" in texts(app)
    worker.package(run_id)
    app.run()
    assert "Saved, reloaded and asked again: no difference." in texts(app)
    links = [each.proto for each in app.get("link_button")]
    assert [each.label for each in links] == ["Everything (zip)", "Keras", "LiteRT", "Labels"]
    answers = [fetch(f"/{each.url}", FILE_ROUTES) for each in links]
    assert [answer.status_code for answer in answers] == [200, 200, 200, 200]
    with zipfile.ZipFile(io.BytesIO(answers[0].content)) as archive:
        assert (
            answers[1].content == b"keras" == archive.read(next(n for n in archive.namelist() if n.endswith(".keras")))
        )


def test_packaging_that_failed_can_be_tried_again(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """With the reason, and a word on what is whole."""
    run_id = done(worker, birds)
    worker.fail_packaging(run_id, "The disk is full.")
    app = visit(run_id)
    assert "Packaging did not succeed" in texts(app)
    press(app, "Try again")
    assert "Packaging waits for its turn" in texts(app)


def test_a_run_that_failed(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """The cause in a sentence, the log one click away with only its end, and the way on."""
    run_id = submit(worker, birds).id
    worker.begin()
    worker.train(run_id, 1, 2)
    worker.fail(run_id, "The disk is *full*: make room, then resume.")
    app = visit(run_id)
    assert r"The disk is \*full\*" in texts(app)
    assert "2 finished epochs kept" in texts(app)
    app.session_state[f"train.log.{run_id}"] = True
    app.run()
    shown = app.code[0].value
    assert shown.endswith("the end\n") or shown.endswith("the end")
    assert shown.startswith("… the last 30,000 of")
    press(app, "Resume")
    assert worker.services.runs.get_run(run_id).status is RunStatus.QUEUED


def test_a_run_whose_worker_died(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """It is interrupted, and goes on when asked."""
    run_id = submit(worker, birds).id
    worker.begin()
    worker.train(run_id, 1)
    worker.die()
    app = visit(run_id)
    assert "can be continued" in texts(app)
    assert "1 finished epoch kept" in texts(app)
    press(app, "Resume")
    assert worker.services.runs.get_run(run_id).status is RunStatus.QUEUED


def test_train_again_with_one_change(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """The form is filled in like the run, which becomes the parent of the new one."""
    first = done(worker, birds, recipe="small_data")
    app = press(visit(first), "Train again with one change")
    assert app.radio(key="train.start.recipe").value == "small_data"
    choose_view(app, "Expert")
    setting(app, "number_input", "seed").set_value(5).run()
    press(app, "Train")
    second = runs(worker)[0]
    assert (second.parent_id, second.config.seed, second.recipe) == (first, 5, "small_data")


def test_fine_tune_further(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """The same run with its upper fifth adjusted as well, a tenth as fast."""
    first = done(worker, birds)
    app = press(visit(first), "Fine-tune further")
    press(app, "Train")
    second = runs(worker)[0]
    assert second.parent_id == first
    assert second.config.fine_tune is not None
    assert second.config.fine_tune.first_layer == 113


def test_classify_with_it(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """The way to the classify page is one click."""
    app = follow_link(visit(done(worker, birds)), "Classify with it")
    assert app.title[0].value == "What is in your photo?"


def test_under_the_hood(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """The model as a diagram with frozen and new parts, and a Keras script that compiles."""
    run_id = done(worker, birds, recipe="careful")
    app = visit(run_id)
    app.session_state[f"train.hood.{run_id}"] = True
    app.run()
    assert not app.exception, app.exception
    said = texts(app)
    assert all(f"bluetit-model-{state}" in said for state in ("frozen", "trained", "new"))
    compile(app.code[-1].value, "script", "exec")


# --- all runs --------------------------------------------------------------------------------------------


def test_the_list_of_runs(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """Each with its name, kept up to date by the browser; the one that is open is marked."""
    first, second = done(worker, birds), done(worker, birds)
    app = visit(first)
    assert [line["id"] for line in told(app)["runs"]] == [second, first]
    assert told(app)["runs"][1]["name"] == worker.services.runs.get_run(first).name
    assert runs_url() in watched(app)
    assert listed(app)["open_run_id"] == first


def test_a_new_name(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """It is shown letter by letter, as the note is; one without letters is refused."""
    run_id = done(worker, birds)
    app = visit(run_id)
    app.text_input(key=f"train.menu.name.{run_id}").set_value("*Best* one").run()
    app.text_area(key=f"train.menu.note.{run_id}").set_value("with _flash_").run()
    assert app.title[0].value == r"\*Best\* one"
    assert r"with \_flash\_" in texts(app)
    app.text_input(key=f"train.menu.name.{run_id}").set_value(" ").run()
    assert app.error
    assert worker.services.runs.get_run(run_id).name == "*Best* one"


def test_trash_and_back(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """A deleted run can be brought back; deleted for good, its folder goes too."""
    run_id = done(worker, birds)
    app = press(visit(run_id), "Delete")
    assert runs(worker) == []
    press(app, "Bring back")
    assert [view.id for view in runs(worker)] == [run_id]
    assert "".join(app.query_params["run"]) == str(run_id)
    press(app, "Delete")
    press(app, "Delete for good")
    assert worker.services.runs.list_trashed() == []
    assert not worker.folder(run_id).exists()


def test_a_run_that_trains_cannot_be_deleted(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """It has to be stopped or cancelled first, which the button says."""
    run_id = submit(worker, birds).id
    worker.begin()
    assert button(visit(run_id), "Delete").disabled


def test_a_run_that_somebody_else_deletes(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """Whoever has it open is led back to the form, told so when it is gone for good."""
    run_id = done(worker, birds)
    app = visit(run_id)
    worker.services.runs.trash(run_id)
    assert "Train a network on your photos" in texts(app.run())
    worker.services.run_desk.purge(run_id)
    app = visit(run_id)
    assert "No run has the number" in texts(app)
    assert "Train a network on your photos" in texts(app)


def test_runs_of_one_dataset(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """With runs of several datasets, the list can be narrowed to one."""
    other = make_birds(worker.services.library, "Other birds")
    done(worker, birds)
    second = done(worker, other)
    app = visit()
    assert listed(app)["dataset_id"] is None
    app.selectbox(key="train.list.dataset").set_value(other).run()
    assert listed(app)["dataset_id"] == other
    assert {line["id"]: line["dataset_id"] for line in told(app)["runs"]}[second] == other


# --- races -----------------------------------------------------------------------------------------------


def test_a_race(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """One click begins a run for each network with the same photos; they are ranked, and the winner goes on."""
    app = visit()
    chosen = app.multiselect(key="train.race.chosen")
    assert "EfficientNetLite0" in chosen.value
    chosen.set_value(["EfficientNetLite0", "EfficientNetLite1"]).run()
    press(app, "Start the race of 2 networks")
    first, second = sorted(runs(worker), key=lambda view: view.id)
    assert first.race == second.race != None  # noqa: E711  # both are marked, and alike
    assert first.snapshot_hash == second.snapshot_hash
    assert {view.config.backbone for view in (first, second)} == {"EfficientNetLite0", "EfficientNetLite1"}
    worker.begin()
    worker.report(first.id, 0.5, "Half of it")
    app.run()
    assert "0 of 2 have arrived" in texts(app)
    assert "training, 50 %" in texts(app)
    worker.finish(first.id, validation=(4, 6))
    worker.begin()
    worker.finish(second.id, validation=(6, 6))
    app.run()
    rows = told(app)["rows"]
    assert [row[1] for row in rows] == [second.name, first.name]
    assert rows[1][2:5] == [f"66.7{NBSP}% (4 of 6)", f"30 to 90{NBSP}%", "5.6 ms"]
    assert watched(app) == {runs_url()}
    press(app, f"Fine-tune the winner: {second.name}")
    assert app.selectbox(key="train.start.backbone").value == "EfficientNetLite1"
    assert "Filled in like" in texts(app)


def test_a_race_needs_two(visit: Visit, birds: int) -> None:
    """One network alone does not race."""
    app = visit()
    app.multiselect(key="train.race.chosen").set_value(["EfficientNetLite0"]).run()
    assert button(app, "Start the race of 1 network").disabled
