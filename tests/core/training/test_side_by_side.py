"""Networks side by side: one run on all three, small ones, from their own features to the file that is taken away."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from core.backbones.artefacts import Artefact, load_artefact, parts_of
from core.backbones.catalog import ALL_THREE, find_backbone, members_of
from core.config import HeadConfig, PhaseConfig, TrainConfig
from core.datasets.library import Library
from core.datasets.snapshots import load_snapshot
from core.evaluation.answers import read_answers
from core.evaluation.examining import run_examine_task
from core.export.exports import read_export
from core.export.findings import read_findings
from core.export.formats import find_format
from core.features.cache import FeatureCache
from core.features.key import MIRRORED_VIEW, feature_key, view_name
from core.inference.classifier import Classifier
from core.inference.classifier_cache import ClassifierCache
from core.inference.head import read_head
from core.inference.heatmap import evidence
from core.inference.reference import read_reference
from core.inference.trained_model import read_model_record
from core.jobs.context import TaskContext
from core.jobs.kinds import Lane
from core.jobs.status import TaskStatus
from core.litert.engine import LiteRTModel
from core.packaging.exporter import Exporter
from core.packaging.package import run_package_task
from core.photos.fit import TRAINED_CROP_FRACTION, mirrored
from core.runs.folder import RunFolder
from core.runs.model_record import model_feature_key
from core.runs.story import Outcome
from core.settings import Settings
from core.task_kinds import TASK_KINDS
from core.training.run import run_train_task
from tests.core.training.training_samples import paint, painted_dataset, submit
from tests.core.training.workshop import Workshop, open_workshop

SIDE_PX = 48
PHASE = PhaseConfig(num_epochs=4, learning_rate=0.01, batch_size=8)
SOLVED = {"head": HeadConfig(dropout=0), "head_phase": PhaseConfig(optimizer="lbfgs", num_epochs=6)}
BACKBONE = replace(find_backbone(ALL_THREE), image_size=(SIDE_PX, SIDE_PX))

pytestmark = [
    # Keras 3.15 does not know NumPy 2.4's `copy` keyword; TensorFlow's converter uses what is going away.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"),
    # Of every archive that Keras 3.3 can open as well: its inputs are written as a list.
    pytest.mark.filterwarnings("ignore:The structure of `inputs` doesn't match the expected structure:UserWarning"),
]


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A workspace in which Lite0 alone, then all three were trained on the same photos."""

    workshop: Workshop
    alone: int  # number of the run
    together: int

    @property
    def settings(self) -> Settings:
        return self.workshop.settings

    @property
    def folder(self) -> RunFolder:
        return RunFolder(self.settings, self.together)

    def outcome(self, run_id: int) -> Outcome:
        view = self.workshop.runs.get_run(run_id)
        return Outcome.from_json(view.outcome or {})

    def members(self) -> list[Artefact]:
        return [load_artefact(member, self.settings) for member in members_of(BACKBONE)]

    def classifier(self) -> Classifier:
        return ClassifierCache(self.settings).get_trained(self.together)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, new_database: Path) -> Iterator[Trained]:
    """Both runs, of small squares: preparing the networks takes most of the time."""
    settings = Settings(workspace_dir=tmp_path_factory.mktemp("three") / "workspace", package_after_training=False)
    settings.workspace_dir.mkdir()
    shutil.copy(new_database, settings.database_path)
    with open_workshop(settings) as workshop:
        dataset_id = painted_dataset(workshop, num_train=4)  # type: ignore[arg-type]  # what it needs of services
        numbers = []
        plans = ({"head_phase": PHASE}, {"backbone": ALL_THREE, "averages_flips": True, **SOLVED})
        for attempt, values in enumerate(plans, start=1):
            run = submit(workshop, dataset_id, image_size=(SIDE_PX, SIDE_PX), **values)  # type: ignore[arg-type]
            context = workshop.begin(attempt)
            run_train_task(context)
            workshop.end(context, attempt, TaskStatus.DONE)
            numbers.append(run.id)
        yield Trained(workshop=workshop, alone=numbers[0], together=numbers[1])


def noise(seed: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (SIDE_PX, SIDE_PX, 3), dtype=np.uint8)


def test_its_features_are_those_of_its_members_to_the_bit(trained: Trained):
    """The one file answers with what the three files answer, behind each other; the map's mean is the features."""
    whole = LiteRTModel(load_artefact(BACKBONE, trained.settings).model_path.read_bytes(), num_threads=1)
    parts = [LiteRTModel(each.model_path.read_bytes(), num_threads=1) for each in trained.members()]
    assert whole.num_features == sum(part.num_features for part in parts) == 3840
    for seed in range(3):
        said, alone = whole.run(noise(seed)), [part.run(noise(seed)) for part in parts]
        np.testing.assert_array_equal(said.features, np.concatenate([each.features for each in alone]))
        np.testing.assert_array_equal(said.feature_map, np.concatenate([each.feature_map for each in alone], axis=-1))
        np.testing.assert_allclose(said.feature_map.mean(axis=(0, 1)), said.features, atol=1e-5)


def test_its_imagenet_answer_is_the_mean_of_the_logits(trained: Trained):
    """As a classifier of ImageNet it is as sure as its members together: the softmax of their mean logits."""
    whole = LiteRTModel(load_artefact(BACKBONE, trained.settings).model_path.read_bytes(), num_threads=1)
    said = [LiteRTModel(each.model_path.read_bytes(), num_threads=1).run(noise(0)) for each in trained.members()]
    expected = np.exp(np.mean([np.log(each.probabilities) for each in said], axis=0))
    np.testing.assert_allclose(whole.run(noise(0)).probabilities, expected / expected.sum(), atol=1e-5)


def test_nothing_is_looked_at_twice(trained: Trained):
    """Features are kept as each network's own, and of Lite0's none was computed again."""
    cache = FeatureCache(trained.settings)
    snapshot = load_snapshot(trained.workshop.database, trained.workshop.runs.get_run(trained.together).config.snapshot)
    hashes = [image.photo_hash for image in snapshot.images]
    fingerprint = load_artefact(BACKBONE, trained.settings).record.fingerprint
    assert parts_of(fingerprint) == [each.record.fingerprint for each in trained.members()]
    key = feature_key(fingerprint, "crop", TRAINED_CROP_FRACTION)
    of_all = cache.get(*key, hashes)
    of_each = [cache.get(part, key.fit_mode, hashes) for part in parts_of(fingerprint)]
    assert set(of_all) == set(hashes)
    for photo_hash, values in of_all.items():
        np.testing.assert_array_equal(values, np.concatenate([each[photo_hash] for each in of_each]))
    # Photos whose every network was new, those of the first run; then the photos, and mirror images to judge by.
    assert trained.outcome(trained.alone).num_computed == len(hashes)
    mirror_images = cache.get(*key, hashes, view=view_name(None, MIRRORED_VIEW))
    assert len(mirror_images) == 18
    assert trained.outcome(trained.together).num_computed == len(hashes) + len(mirror_images)


def test_it_answers_by_a_photo_and_its_mirror_image(trained: Trained):
    """Left and right make no difference to an answer, and the report's probabilities are those of the app."""
    classifier, head = trained.classifier(), read_head(trained.folder.head_path)
    square = noise(1)
    said, other = classifier.engine.run(square), classifier.engine.run(mirrored(square))
    np.testing.assert_array_equal(said.features, other.features)
    assert read_model_record(trained.folder).averages_flips
    answers = read_answers(trained.folder).test
    library = Library(trained.workshop.database)
    for photo_hash, expected in zip(answers.hashes, answers.probabilities, strict=True):
        photo = library.photos.get([photo_hash])[photo_hash]
        data = trained.workshop.photo_store.read(photo.hash, photo.suffix)
        outputs = classifier.answer(classifier.square(data, "photo"))
        np.testing.assert_allclose(outputs.probabilities, expected, atol=1e-5)
        np.testing.assert_allclose(head.probabilities(outputs.features), expected, atol=1e-5)


def test_its_heat_map_is_the_sum_of_the_exact_maps(trained: Trained):
    """What each place adds to a class is what it adds in the three networks, of the photo and its mirror image."""
    classifier, head = trained.classifier(), read_head(trained.folder.head_path)
    assert classifier.has_exact_heat
    square = noise(2)
    outputs = classifier.engine.run(square)
    total = np.zeros(outputs.feature_map.shape[:2], np.float32)
    for number, artefact in enumerate(trained.members()):
        model = LiteRTModel(artefact.model_path.read_bytes(), num_threads=1)
        own = head.gradient(outputs.features, 1)[number * 1280 : (number + 1) * 1280]
        total += evidence(model.run(square).feature_map, own) / 2
        total += evidence(model.run(mirrored(square)).feature_map, own)[:, ::-1] / 2
    found = evidence(outputs.feature_map, head.gradient(outputs.features, 1))
    np.testing.assert_allclose(found, total, rtol=1e-3, atol=1e-4)
    logit = head.logits(outputs.features)[1]
    assert found.mean() + head.biases[0][1] == pytest.approx(logit, abs=1e-3)


def test_a_closer_look_compares_means_with_means(trained: Trained):
    """The examination takes the photos' features as answers have them, and from the cache where they are there."""
    queue = trained.workshop.queue
    trained.workshop.run_desk.request_examination(trained.together)
    queue.register_worker("looks", pid=1, host="elsewhere", lane=Lane.PHOTOS)
    task = queue.claim("looks", TASK_KINDS)
    assert task is not None
    run_examine_task(TaskContext(queue, trained.settings, task))
    reference = read_reference(trained.folder)
    assert reference is not None
    classifier = trained.classifier()
    outputs = classifier.answer(classifier.square(paint("blue", 0), "photo"))
    assert reference.distance(outputs.features) == pytest.approx(0.0, abs=1e-3)


def test_one_litert_file_is_handed_out_with_its_certificate(trained: Trained):
    """At once and by the worker alike, the exported file answers as the app does, mirror images and all, in a process
    of its own, from one copy of the weights."""
    row, weights = find_format("litert"), sum(each.num_parameters - 1281 * 1000 for each in members_of(BACKBONE)) * 4
    assert trained.workshop.exports.obtain(trained.together, row.name) is None
    at_once = read_export(trained.folder, row, trained.workshop.runs.get_run(trained.together).name)
    exporter = Exporter(
        trained.together,
        settings=trained.settings,
        database=trained.workshop.database,
        check_cancelled=lambda: None,
    )
    for record in (at_once, exporter.make(row, report=lambda *_: None)):
        assert record is not None
        certificate = record.proven.certificate
        assert certificate is not None
        assert certificate.max_probability_difference <= 1e-5
        assert record.zip_bytes > 0
        assert record.artefact_bytes < 1.1 * weights


def test_the_packaged_model_keeps_its_features_apart(trained: Trained):
    """Where the prepared network is gone the one file answers alike, mirror image and all, and what it makes of photos
    is not taken for what the network makes of the photos alone."""
    context = trained.workshop
    context.run_desk.request_packaging(trained.together)
    task = context.begin(7)
    run_package_task(task)
    context.end(task, 7, TaskStatus.DONE)
    findings = read_findings(trained.folder)
    assert findings["keras"].difference == 0.0
    assert findings["litert"].difference <= 1e-3
    before, square = trained.classifier(), noise(3)
    artefact = load_artefact(BACKBONE, trained.settings)
    hidden = artefact.folder.with_name("hidden")
    artefact.folder.rename(hidden)
    try:
        after = trained.classifier()
    finally:
        hidden.rename(artefact.folder)
    image = Image.fromarray(square)
    np.testing.assert_allclose(after.answer(image).probabilities, before.answer(image).probabilities, atol=1e-4)
    np.testing.assert_allclose(after.heat(image, 0), before.heat(image, 0), atol=1e-3)
    key = model_feature_key(read_model_record(trained.folder))
    assert before.embedder(key).key == key
    assert after.embedder(key).key != key


def test_a_config_that_mirrors_nothing_is_written_as_before(trained: Trained):
    """Descriptions of models that average nothing have no word of it, so that earlier versions read them."""
    alone = RunFolder(trained.settings, trained.alone)
    assert "averages_flips" not in json.loads(alone.model_record_path.read_text())
    assert TrainConfig.from_json({"snapshot": "f" * 64, "backbone": ALL_THREE}).averages_flips is False
