"""A network without classes of its own: from its weight file to a model that names classes, and is taken away."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from core.backbones import catalog
from core.backbones.artefacts import load_artefact
from core.backbones.catalog import find_backbone
from core.config import FineTuneConfig, PhaseConfig
from core.errors import ArtefactMissingError, BackboneError
from core.export.findings import read_findings
from core.inference.classifier_cache import ClassifierCache
from core.inference.head import read_head
from core.inference.heatmap import evidence
from core.jobs.status import TaskStatus
from core.networks import dinov2
from core.packaging.package import run_package_task
from core.runs.folder import RunFolder
from core.settings import Settings
from core.training.run import run_train_task
from tests.core.networks.dinov2_sample import sample_arrays
from tests.core.training.training_samples import paint, painted_dataset, submit
from tests.core.training.workshop import Workshop, open_workshop

DINO = "DINOv2Small"
SIDE_PX, NUM_BLOCKS = 56, 2  # all blocks are alike: two of the twelve take a sixth of the time
FIRST_LAYER = 16  # the second block's attention
PHASE = PhaseConfig(num_epochs=3, learning_rate=0.01, batch_size=8)

pytestmark = [
    # Keras 3.15 does not know NumPy 2.4's `copy` keyword; TensorFlow's converter uses what is going away.
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"),
    # Of every archive that Keras 3.3 can open as well: its inputs are written as a list.
    pytest.mark.filterwarnings("ignore:The structure of `inputs` doesn't match the expected structure:UserWarning"),
]


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A workspace in which the network was trained on: the head alone, then its upper part, too."""

    workshop: Workshop
    head: int  # number of the run
    tuned: int

    @property
    def settings(self) -> Settings:
        return self.workshop.settings


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, new_database: Path) -> Iterator[Trained]:
    """Both runs, from a file of random weights under the documented name."""
    settings = Settings(workspace_dir=tmp_path_factory.mktemp("dino") / "workspace", package_after_training=False)
    settings.weights_path.mkdir(parents=True)
    shutil.copy(new_database, settings.database_path)
    with pytest.MonkeyPatch.context() as patch, open_workshop(settings) as workshop:
        # Random weights have not the published hash.
        (row,) = catalog.FEATURES_ONLY
        patch.setattr(catalog, "FEATURES_ONLY", (replace(row, weights_hash=None),))
        patch.setattr(dinov2, "NUM_BLOCKS", NUM_BLOCKS)
        save_file(sample_arrays(NUM_BLOCKS), settings.weights_path / "dinov2-small.safetensors")
        dataset_id = painted_dataset(workshop, num_train=4)  # type: ignore[arg-type]  # what it needs of services
        plans = ({}, {"fine_tune": FineTuneConfig(first_layer=FIRST_LAYER, phase=replace(PHASE, num_epochs=1))})
        numbers = []
        for attempt, values in enumerate(plans, start=1):
            size = (SIDE_PX, SIDE_PX)
            run = submit(workshop, dataset_id, backbone=DINO, image_size=size, head_phase=PHASE, **values)  # type: ignore[arg-type]
            context = workshop.begin(attempt)
            run_train_task(context)
            workshop.end(context, attempt, TaskStatus.DONE)
            numbers.append(run.id)
        yield Trained(workshop=workshop, head=numbers[0], tuned=numbers[1])


def test_it_is_prepared_without_classes(trained: Trained):
    """Its artefact agrees with Keras by its features, and says that there is no classifier."""
    artefact = load_artefact(replace(find_backbone(DINO), image_size=(SIDE_PX, SIDE_PX)), trained.settings)
    difference = artefact.record.largest_probability_difference
    assert difference is not None
    assert difference < 1e-4
    assert artefact.record.feature_map_shape == (4, 4, 768)
    assert artefact.read_layers()[FIRST_LAYER].name == "block_1_attention"
    with pytest.raises(ArtefactMissingError, match="no linear classifier"):
        artefact.read_classifier()


def test_it_names_nothing_by_itself(trained: Trained):
    """Who asks it for ImageNet's classes is told what to do in place of that."""
    with pytest.raises(BackboneError, match=r"DINOv2-Small names nothing by itself.*Train a model with it"):
        ClassifierCache(trained.settings).get(find_backbone(DINO))


def test_heat_maps_of_its_models_are_exact_but_for_the_whole_photo(trained: Trained):
    """What the places add, and the bias, is the logit; and the map shows what differs from place to place."""
    classifier = ClassifierCache(trained.settings).get_trained(trained.head)
    assert classifier.has_exact_heat
    square = classifier.square(paint("blue", 0), "photo")
    outputs, head = classifier.answer(square), read_head(RunFolder(trained.settings, trained.head).head_path)
    gradient = head.gradient(outputs.features, 1)
    logit = evidence(outputs.feature_map, gradient).mean() + head.biases[0][1]
    assert logit == pytest.approx(head.logits(outputs.features)[1], abs=1e-3)
    of_patches = np.maximum(evidence(outputs.feature_map[..., 384:], gradient[384:]), 0)
    np.testing.assert_allclose(classifier.heat(square, 1), of_patches / of_patches.max(), atol=1e-5)


def test_both_models_are_packaged_and_answer_alike(trained: Trained):
    """The saved Keras model, loaded again, agrees to the last bit, and the LiteRT file closely; trained layers too."""
    for attempt, run_id in ((3, trained.head), (4, trained.tuned)):
        trained.workshop.run_desk.request_packaging(run_id)
        context = trained.workshop.begin(attempt)
        run_package_task(context)
        trained.workshop.end(context, attempt, TaskStatus.DONE)
        findings = read_findings(RunFolder(trained.settings, run_id))
        assert findings["keras"].difference == 0.0
        assert findings["litert"].difference <= 1e-4
