"""A workspace in a folder of any name works with its real worker, and all is there after the folder was moved."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.backbones.catalog import Backbone
from core.backbones.hub_places import find_hub_module
from core.datasets.sources.requests import ImportRequest, StagedFiles
from core.environment import load_settings
from core.inference.classifier import Classifier
from core.inference.classifier_cache import ClassifierCache
from core.services import open_services
from core.settings import Settings
from tests.conftest import link_backbones
from tests.core.datasets.import_samples import photos
from tests.core.inference.model_runs import Models
from tests.core.inference.model_samples import SAMPLES
from tests.waiting import wait_until


@pytest.mark.parametrize("name", ["what? 50%20 #1 Vögel 🐦", "~ 'a' \"b\"", "%(here)s\n;&"], ids=ascii)
def test_the_worker_finds_the_workspace(tmp_path: Path, prepared_cache: Path, name: str) -> None:
    """Photos are imported by the worker process into the workspace that the server has open."""
    settings = load_settings({"BLUETIT_WORKSPACE_DIR": str(tmp_path / name)})
    link_backbones(prepared_cache, settings)
    services = open_services(settings)
    try:
        dataset_id = services.library.datasets.create("Birds", ["crow"]).id
        staging = services.imports.stage_files(photos("crow/1.jpg", "crow/2.jpg").items())
        request = ImportRequest(dataset_id=dataset_id, source=StagedFiles(folder=staging), title="Photos")
        import_id = services.imports.submit(request)
        wait_until(lambda: not services.imports.status(import_id).is_active)
        assert services.imports.status(import_id).view.num_accepted == 2, services.imports.status(import_id)
        assert services.library.datasets.get(dataset_id).num_images == 2
    finally:
        services.close()
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_models_answer_after_a_move(
    tmp_path: Path, prepared_settings: Settings, classifier: Classifier, lite0: Backbone
) -> None:
    """A trained model and a pretrained network say the same, to the last digit, from the folder's new place."""
    run_id = Models(prepared_settings, classifier).add("Mine")
    photo = SAMPLES[0]

    def answers(settings: Settings) -> list[object]:
        cache = ClassifierCache(settings)
        return [asked.classify(photo, "photo").predictions for asked in (cache.get(lite0), cache.get_trained(run_id))]

    before = answers(prepared_settings)
    moved = tmp_path / "elsewhere? 20%25"
    prepared_settings.workspace_dir.rename(moved)
    assert answers(Settings(workspace_dir=moved)) == before


@pytest.mark.parametrize("is_allowed", [True, False], ids=["allowed", "not allowed"])
@pytest.mark.parametrize("is_there", [True, False], ids=["old place", "gone"])
def test_hub_modules_move_along(tmp_path: Path, is_there: bool, is_allowed: bool) -> None:
    """A run that keeps the path of a module in the workspace finds it where the workspace is now, or in the old place
    if modules may be loaded from there still."""
    old, settings = tmp_path / "old" / "hub" / "mobile", Settings(workspace_dir=tmp_path / "new")
    (settings.hub_path / "mobile").mkdir(parents=True)
    if is_there:
        old.mkdir(parents=True)
    if is_allowed:
        settings = replace(settings, hub_dirs=(str(old.parent),))
    expected = old if is_there and is_allowed else settings.hub_path / "mobile"
    assert find_hub_module(f"hub:{old}", settings) == str(expected)
