"""The default recipe on the published photos of aliens and predators, through the real worker."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from core.datasets.snapshots import take_snapshot
from core.datasets.sources.requests import ImportRequest, ServerFolder
from core.recipes import find_recipe
from core.runs.records import RunStatus
from core.runs.story import Outcome
from core.services import Services, open_services
from core.settings import Settings
from tests.conftest import link_backbones
from tests.core.training.training_samples import TIMEOUT_SECONDS, wait_for_end
from tests.waiting import wait_until


@pytest.fixture
def services(tmp_path: Path, prepared_cache: Path, shared_dir: Path) -> Iterator[Services]:
    settings = Settings(
        workspace_dir=tmp_path / "workspace",
        import_dirs=(str(shared_dir / "data"),),
        package_after_training=False,
    )
    link_backbones(prepared_cache, settings)
    opened = open_services(settings)
    yield opened
    opened.close()


def test_quick_tells_aliens_from_predators(services: Services, shared_dir: Path):
    """The default recipe is right on at least 93 % of the 200 validation photos that came with the dataset."""
    dataset_id = services.library.datasets.create("Aliens and predators").id
    folder = ServerFolder(path=str(shared_dir / "data" / "alien_vs_predator"))
    import_id = services.imports.submit(ImportRequest(dataset_id=dataset_id, source=folder))
    wait_until(lambda: not services.imports.status(import_id).is_active, TIMEOUT_SECONDS)
    snapshot = take_snapshot(services.database, dataset_id)
    run = services.run_desk.submit(find_recipe("quick").config(snapshot.hash), recipe="quick", dataset_id=dataset_id)
    view = wait_for_end(services, run.id)
    assert view.status is RunStatus.DONE, view.error
    assert view.outcome is not None
    score = Outcome.from_json(view.outcome).validation_score
    assert score is not None
    assert score.num_photos == 200
    assert score.accuracy >= 0.93
    assert score.low < score.accuracy < score.high
