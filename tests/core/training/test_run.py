"""Runs through the real worker: what they leave behind, killed and taken up again, stopped, cancelled, failed."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from core.backbones.artefacts import find_artefact
from core.backbones.catalog import Backbone
from core.config import SCRATCH, AugmentConfig, FineTuneConfig, HeadConfig, PhaseConfig
from core.datasets.archives.rules import ArchiveLimits
from core.datasets.records import Split
from core.evaluation.answers import read_answers
from core.evaluation.calibration import fit_temperature
from core.export.findings import read_findings, warnings_of
from core.features.cache import FeatureCache
from core.features.needs import count_to_compute
from core.inference.head import read_head
from core.inference.trained_model import read_model_record
from core.jobs.status import TaskStatus
from core.litert.engine import LiteRTModel
from core.projects.bringing_in import BringingIn
from core.projects.project_file import open_project
from core.projects.writing import write_project
from core.runs.decision import read_decision
from core.runs.folder import RunFolder
from core.runs.records import RunStatus
from core.runs.retrain import begin_retraining
from core.runs.story import Outcome, PhaseName
from core.services import Services, open_services
from core.settings import Settings
from tests.conftest import link_backbones
from tests.core.training.training_samples import (
    COLOURS,
    TIMEOUT_SECONDS,
    add_photos,
    epochs_of,
    kill_worker,
    paint,
    painted_dataset,
    submit,
    wait_for_end,
    wait_for_epochs,
)
from tests.waiting import wait_until

# The last block of EfficientNet-Lite0 begins here: little to train, so that epochs are short.
LATE_LAYER = 135
SHORT = PhaseConfig(num_epochs=3, learning_rate=0.01, batch_size=8)


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory, prepared_cache: Path) -> Iterator[Services]:
    """One workspace and one warm worker for all tests of this file."""
    settings = Settings(workspace_dir=tmp_path_factory.mktemp("runs") / "workspace", package_after_training=False)
    link_backbones(prepared_cache, settings)
    opened = open_services(settings)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def dataset_id(services: Services) -> int:
    return painted_dataset(services)


def folder_of(services: Services, run_id: int) -> RunFolder:
    return RunFolder(services.settings, run_id)


def outcome_of(services: Services, run_id: int) -> Outcome:
    view = wait_for_end(services, run_id)
    assert view.status is RunStatus.DONE, view.error
    assert view.outcome is not None
    return Outcome.from_json(view.outcome)


def test_a_head_is_trained_and_leaves_everything(services: Services, dataset_id: int):
    """A run ends with a model, its report and its log; the colours are told apart without a mistake."""
    run = submit(services, dataset_id, head_phase=replace(SHORT, num_epochs=12), has_class_weights=True)
    outcome = outcome_of(services, run.id)
    folder = folder_of(services, run.id)
    assert outcome.test_score is not None
    assert outcome.test_score.accuracy == 1.0
    assert outcome.test_score.low < 0.75  # nine photos prove little
    assert outcome.num_trained_parameters == 1280 * 3 + 3
    assert set(outcome.seconds) == {PhaseName.FEATURES, PhaseName.HEAD, PhaseName.EVALUATION, "total"}
    assert folder.labels_path.read_text().split() == sorted(COLOURS)
    report = json.loads(folder.report_path.read_text())
    assert np.trace(report["test"]["confusion"]) == 9
    kinds = {event["kind"] for event in json.loads(folder.events_path.read_text())}
    assert kinds == {"phase", "batch", "epoch", "photos", "note"}
    assert "Done in" in folder.log_path.read_text()
    assert json.loads(folder.environment_path.read_text())["packages"]["keras"]
    with np.load(folder.predictions_path) as arrays:
        assert arrays["test_probabilities"].shape == (9, 3)
    assert read_decision(folder).temperature == fit_temperature(read_answers(folder).validation) != 1.0


def test_the_packaged_model_answers_like_the_run(services: Services, dataset_id: int, lite0: Backbone):
    """Packaged when asked for: the saved model reloads to the last bit, and LiteRT agrees with head and backbone."""
    run = submit(
        services, dataset_id, head=HeadConfig(hidden_units=(16,), one_unit_for_two_classes=True), head_phase=SHORT
    )
    outcome_of(services, run.id)
    assert services.runs.get_run(run.id).package_status is None
    services.run_desk.request_packaging(run.id)
    wait_until(
        lambda: services.runs.get_run(run.id).package_status in (TaskStatus.DONE, TaskStatus.FAILED), TIMEOUT_SECONDS
    )
    view, folder = services.runs.get_run(run.id), folder_of(services, run.id)
    assert view.package_status is TaskStatus.DONE, view.package_error
    findings = read_findings(folder)
    assert findings["keras"].difference == 0.0
    assert findings["litert"].difference <= 1e-3
    assert findings["litert"].same_top1
    assert warnings_of(findings) == []
    artefact = find_artefact(lite0, services.settings)
    assert artefact is not None
    square = np.random.default_rng(0).integers(0, 256, (224, 224, 3), dtype=np.uint8)
    features = LiteRTModel(artefact.model_path.read_bytes(), num_threads=1).run(square).features
    whole = LiteRTModel(folder.litert_path.read_bytes(), num_threads=1).run(square)
    np.testing.assert_allclose(whole.probabilities, read_head(folder.head_path).probabilities(features), atol=1e-5)


def test_the_second_run_computes_nothing_and_ends_the_same(services: Services, dataset_id: int, lite0: Backbone):
    """The same config, snapshot and seed give the same curve, from features that are kept; one more photo costs one."""
    first, second = (submit(services, dataset_id, head_phase=SHORT, seed=4).id for _ in range(2))
    outcomes = [outcome_of(services, run_id) for run_id in (first, second)]
    assert outcomes[1].num_computed == 0
    # What the page tells before it begins.
    artefact = find_artefact(lite0, services.settings)
    assert artefact is not None
    photos = {image.photo_hash for image in services.library.images.of(dataset_id)}
    cache = FeatureCache(services.settings)
    config = services.runs.get_run(second).config
    assert count_to_compute(config, artefact.record.fingerprint, cache, train=photos, kept_back=photos) == 0
    assert outcomes[0].validation == outcomes[1].validation
    curves = [
        [(epoch.loss, epoch.validation_loss) for epoch in epochs_of(services, run_id)] for run_id in (first, second)
    ]
    np.testing.assert_allclose(curves[0], curves[1], rtol=1e-6)
    other = painted_dataset(services, "One more")
    add_photos(services, other, {("blue", Split.TRAIN): [999]})
    assert outcome_of(services, submit(services, other, head_phase=SHORT).id).num_computed == 1


def test_fine_tuning_killed_and_taken_up_ends_like_one_that_was_not(services: Services, dataset_id: int):
    """Killed in the middle of fine-tuning, a run is interrupted, goes on after its last epoch, and ends the same."""
    values = {
        "head_phase": SHORT,
        "fine_tune": FineTuneConfig(
            first_layer=LATE_LAYER, phase=PhaseConfig(learning_rate=1e-4, num_epochs=6, batch_size=4)
        ),
        "augment": AugmentConfig(),
        "num_views": 2,
    }
    killed = submit(services, dataset_id, **values).id
    wait_for_epochs(services, killed, 5)
    kill_worker(services, killed)
    view = wait_for_end(services, killed)
    assert view.status is RunStatus.INTERRUPTED
    finished = epochs_of(services, killed)
    assert 5 <= len(finished) < 9
    services.run_desk.resume(killed)
    outcome = outcome_of(services, killed)
    assert [epoch.loss for epoch in epochs_of(services, killed)][: len(finished)] == [epoch.loss for epoch in finished]
    whole = submit(services, dataset_id, **values).id
    expected = outcome_of(services, whole)
    curves = [
        [(epoch.epoch, epoch.loss, epoch.validation_loss) for epoch in epochs_of(services, run_id)]
        for run_id in (killed, whole)
    ]
    np.testing.assert_allclose(curves[0], curves[1], rtol=1e-3)
    assert (outcome.num_epochs, outcome.fine_tuning_from) == (9, 3)
    assert outcome.best_epoch == expected.best_epoch
    assert outcome.num_trained_parameters == expected.num_trained_parameters > 100_000
    assert not list(folder_of(services, killed).checkpoints_path.iterdir())


def test_a_stopped_run_keeps_its_best_epoch(services: Services, dataset_id: int):
    """Stop ends the training with a model that answers, and skips what would have followed."""
    run = submit(
        services,
        dataset_id,
        head_phase=replace(SHORT, num_epochs=1000),
        fine_tune=FineTuneConfig(first_layer=LATE_LAYER),
    )
    wait_for_epochs(services, run.id, 2)
    services.run_desk.stop(run.id)
    outcome = outcome_of(services, run.id)
    assert outcome.is_stopped
    assert outcome.num_epochs < 1000
    assert outcome.fine_tuning_from is None
    assert folder_of(services, run.id).model_record_path.is_file()


def test_a_stop_while_photos_are_looked_at_keeps_the_head(services: Services, dataset_id: int):
    """Asked to stop between head and fine-tuning, a run ends at once with the head that it has."""
    run = submit(
        services,
        dataset_id,
        head_phase=SHORT,
        augment=AugmentConfig(),
        num_views=20,
        fine_tune=FineTuneConfig(first_layer=LATE_LAYER),
    )
    wait_until(
        lambda: any(
            event.payload["phase"] == PhaseName.ACTIVATIONS
            for event in services.runs.events_after(run.id, 0, kinds=["phase"])
        ),
        TIMEOUT_SECONDS,
    )
    services.run_desk.stop(run.id)
    outcome = outcome_of(services, run.id)
    assert (outcome.is_stopped, outcome.num_epochs, outcome.fine_tuning_from) == (True, 3, None)


def test_a_cancelled_run_leaves_nothing_behind(services: Services, dataset_id: int):
    """Cancel ends the training without a model, and deletes its files."""
    run = submit(services, dataset_id, head_phase=replace(SHORT, num_epochs=1000))
    wait_for_epochs(services, run.id, 1)
    services.run_desk.cancel(run.id)
    assert wait_for_end(services, run.id).status is RunStatus.CANCELLED
    assert not folder_of(services, run.id).path.exists()


def test_the_small_network_from_scratch(services: Services, dataset_id: int):
    """A network that starts from nothing is trained whole, and its own LiteRT file answers."""
    run = submit(services, dataset_id, backbone="scratch", image_size=(64, 64), head_phase=PhaseConfig(num_epochs=2))
    outcome = outcome_of(services, run.id)
    assert outcome.num_parameters == outcome.num_trained_parameters
    assert outcome.milliseconds_per_photo is not None
    model = LiteRTModel(folder_of(services, run.id).litert_path.read_bytes(), num_threads=1)
    assert model.run(np.zeros((64, 64, 3), np.uint8)).probabilities.shape == (3,)


def test_free_augmentation_sees_new_pixels_in_every_epoch(services: Services, dataset_id: int):
    """Each epoch looks at a view that no other has, and the next run of this kind finds their features."""
    values = {"augment": AugmentConfig(), "is_augmented_freely": True, "head_phase": SHORT}
    first, second = (submit(services, dataset_id, **values).id for _ in range(2))
    outcomes = [outcome_of(services, run_id) for run_id in (first, second)]
    assert outcomes[0].validation == outcomes[1].validation
    frozen = epochs_of(services, submit(services, dataset_id, head_phase=SHORT).id)
    assert [epoch.loss for epoch in epochs_of(services, first)] != [epoch.loss for epoch in frozen]


def test_a_project_goes_on_where_it_comes(services: Services, dataset_id: int, tmp_path: Path):
    """Packed and brought in, a model answers as before, and trains again on photos with the same snapshot."""
    head = submit(services, dataset_id, head_phase=SHORT, seed=4).id
    scratch = submit(
        services, dataset_id, backbone=SCRATCH, image_size=(48, 48), head_phase=PhaseConfig(num_epochs=1)
    ).id
    outcomes = [outcome_of(services, run_id) for run_id in (head, scratch)]
    path = tmp_path / "Colours.bluetit"
    write_project(services.database, services.settings, dataset_id, [head, scratch], path)
    with open_project(path, path.name, ArchiveLimits()) as file:
        copy_id = BringingIn(services.database, services.settings, "ab" * 16).run(file)
    scratch_copy, head_copy = services.runs.list_runs(copy_id)
    for original, copy in ((head, head_copy), (scratch, scratch_copy)):
        assert read_model_record(folder_of(services, copy.id)) == read_model_record(folder_of(services, original))
        models = [services.classifiers.get_trained(run_id) for run_id in (original, copy.id)]
        answers = [model.answer(model.square(paint("red", 999), "new")).probabilities for model in models]
        np.testing.assert_array_equal(answers[0], answers[1])
    again = begin_retraining(services.database, services.run_desk, head_copy)
    assert (again.dataset_id, again.snapshot_hash) == (copy_id, head_copy.snapshot_hash)
    outcome = outcome_of(services, again.id)
    assert (outcome.validation, outcome.num_computed) == (outcomes[0].validation, 0)


def test_a_photo_that_was_damaged_since_is_named(services: Services):
    """A photo's file that was changed ends the run with its name and a remedy; the next run is not harmed."""
    dataset_id = painted_dataset(services, "Damaged")
    add_photos(services, dataset_id, {("red", Split.TRAIN): [4711]})
    (photo,) = [image for image in services.library.images.of(dataset_id) if image.name == "4711.png"]
    record = services.library.photos.get([photo.photo_hash])[photo.photo_hash]
    services.photo_store.path(record.hash, record.suffix).write_bytes(b"gone")
    view = wait_for_end(services, submit(services, dataset_id, head_phase=SHORT).id)
    assert view.status is RunStatus.FAILED
    assert view.error is not None
    assert record.hash[:12] in view.error
    assert "backup" in view.error
    assert "Traceback" in folder_of(services, view.id).log_path.read_text()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"backbone": "NoSuchNet"}, "NoSuchNet"),
        ({"backbone": "hub:https://tfhub.dev/google/nothing/1"}, "network"),
        ({"fine_tune": FineTuneConfig(first_layer=100_000), "head_phase": SHORT}, "Choose a lower one"),
        ({"backbone": "scratch", "image_size": (32, 32)}, "at least 46"),
    ],
    ids=["unknown backbone", "no network", "cut above the top", "too small photos"],
)
def test_what_cannot_be_trained_says_why(services: Services, dataset_id: int, values: dict, message: str):
    """A run that cannot be trained fails with a sentence on the cause, and the log has the details."""
    view = wait_for_end(services, submit(services, dataset_id, **values).id)
    assert view.status is RunStatus.FAILED
    assert message in (view.error or "")
    assert "Traceback" in folder_of(services, view.id).log_path.read_text()


def test_a_class_without_training_photos_is_named(services: Services):
    """Photos that moved out of the training split since leave a sentence, not a model that never says the class."""
    dataset_id = painted_dataset(services, "Half empty", num_train=2)
    ids = {view.name: view.id for view in services.library.classes.of(dataset_id)}
    greens = [image.id for image in services.library.images.of(dataset_id) if image.class_id == ids["green"]]
    services.library.images.set_split(greens, Split.TEST)
    view = wait_for_end(services, submit(services, dataset_id).id)
    assert view.status is RunStatus.FAILED
    assert "no training photos of green" in (view.error or "")
