"""What visitors have done in the background: trainings, exports, projects."""

import random
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from benchmarks.chaos.bound import Asked, Bound, some_dataset
from benchmarks.chaos.photo_actions import MAX_DATASETS
from core.backbones.artefacts import load_artefact
from core.backbones.catalog import find_backbone
from core.config import SCRATCH, StoppingConfig, TrainConfig
from core.datasets.exporting import export_path
from core.datasets.tasks import CHECK_KIND, EXPORT_KIND
from core.errors import ArtefactDamagedError, ArtefactMissingError
from core.projects.places import project_path
from core.recipes import find_recipe
from core.runs.begin import NO_SNAPSHOT, RunRequest, begin_runs
from core.runs.records import RunStatus, RunView
from core.settings import Settings

_MAX_RUNS = 6  # of a space
_EXPORTED = ("litert", "litert_float16")  # formats


# --- runs -------------------------------------------------------------------------------------------------


def train(bound: Bound, chance: random.Random) -> Asked | None:
    """Train a network."""
    runs = bound.runs.list_runs()
    dataset = some_dataset(bound, chance)
    if dataset is None or len(runs) >= _MAX_RUNS or any(view.is_active or view.can_go_on for view in runs):
        return None
    if not dataset.num_images or any(image.split is None for image in bound.library.images.of(dataset.id)):
        return None
    config = _config(bound.settings, chance)
    if config is None:
        return None
    name = f"run {uuid.uuid4().hex[:8]}"
    request = RunRequest(dataset_id=dataset.id, config=config, name=name)
    return Asked(
        kind="train",
        told={"dataset": dataset.id, "name": name},
        do=lambda: {"number": begin_runs(bound.database, bound.run_desk, [request])[0].id},
    )


def _config(settings: Settings, chance: random.Random) -> TrainConfig | None:
    """Something small to train: a head, a head and the last layers below it, or a network from scratch."""
    backbone = find_backbone(settings.default_backbone)
    try:
        num_layers = len(load_artefact(backbone, settings).read_layers())
    except (ArtefactMissingError, ArtefactDamagedError):
        return None  # not prepared yet
    kind = chance.randrange(3)
    recipe = find_recipe(("quick", "careful", "from_scratch")[kind])
    name = SCRATCH if kind == 2 else backbone.name
    config = recipe.config(NO_SNAPSHOT, backbone=name, num_layers=num_layers)
    num_epochs = (40, 4, 4)[kind]
    config = replace(
        config,
        augment=None,
        num_views=1,
        is_augmented_freely=False,
        image_size=(48, 48) if kind == 2 else None,
        head_phase=replace(config.head_phase, num_epochs=num_epochs),
        stopping=StoppingConfig(),
    )
    if config.fine_tune is None:
        return config
    phase = replace(config.fine_tune.phase, num_epochs=3)
    return replace(config, fine_tune=replace(config.fine_tune, first_layer=num_layers - 8, phase=phase))


def cancel(bound: Bound, chance: random.Random) -> Asked | None:
    """Discard a run."""
    active = [view for view in bound.runs.list_runs() if view.is_active]
    return _of_run("cancel", active, chance, lambda number: bound.run_desk.cancel(number))


def forget(bound: Bound, chance: random.Random) -> Asked | None:
    """Put a run into the trash and delete it for good."""
    over = [view for view in bound.runs.list_runs() if view.status in (RunStatus.DONE, RunStatus.CANCELLED)]

    def do(number: int) -> None:
        bound.runs.trash(number)
        bound.run_desk.purge(number)

    if len(over) < _MAX_RUNS // 2:
        return None
    return _of_run("forget", [*bound.runs.list_trashed(), *over][:1], chance, do)


def _of_run(kind: str, views: list[RunView], chance: random.Random, do: Callable[[int], None]) -> Asked | None:
    if not views:
        return None
    number = chance.choice(views).id

    def act() -> dict[str, Any]:
        do(number)
        return {}

    return Asked(kind=kind, told={"run": number}, do=act)


# --- what is taken away and comes back --------------------------------------------------------------------


def ask(bound: Bound, chance: random.Random) -> Asked | None:
    """Have something made: files of a model, a zip or project of a dataset, a check of it."""
    done = [view for view in bound.runs.list_runs() if view.status is RunStatus.DONE]
    if done and chance.random() < 0.15:
        number = chance.choice(done).id
        if chance.random() < 0.3:
            return _task(f"package {number}", lambda: bound.run_desk.request_packaging(number))
        if chance.random() < 0.3:
            return _task(f"examine {number}", lambda: bound.run_desk.request_examination(number))
        row = chance.choice(_EXPORTED)
        return _task(f"{row} of {number}", lambda: bound.exports.request(number, row))
    dataset = some_dataset(bound, chance)
    if dataset is None or not dataset.num_images:
        return None
    if chance.random() < 0.5:
        runs = [view.id for view in bound.projects.runs_to_take(dataset.id)]
        return _task(f"project {dataset.id}", lambda: bound.projects.request_writing(dataset, runs))
    kind = chance.choice((CHECK_KIND, EXPORT_KIND, EXPORT_KIND))
    if kind == EXPORT_KIND and export_path(bound.settings, dataset).is_file():
        return None
    return _task(f"{kind} {dataset.id}", lambda: bound.dataset_tasks.request(kind, dataset.id))


def _task(what: str, request: Callable[[], int]) -> Asked:
    return Asked(kind="ask", told={"what": what}, do=lambda: {"task": request()})


def bring(bound: Bound, chance: random.Random) -> Asked | None:
    """Bring a project in that was written here."""
    dataset = some_dataset(bound, chance, is_quiet=True)
    if dataset is None or len(bound.library.datasets.all()) >= MAX_DATASETS:
        return None
    runs = [view.id for view in bound.projects.runs_to_take(dataset.id)]
    path = project_path(bound.settings, bound.projects.file_name(dataset, runs))
    if not path.is_file():
        return None
    names = {view.id: view.name for view in bound.library.classes.of(dataset.id)}
    photos = {
        image.name: (image.photo_hash, names[image.class_id], image.split, image.review)
        for image in bound.library.images.of(dataset.id)
    }
    with path.open("rb") as file:
        source = bound.projects.receive(path.name, file, path.stat().st_size)
    return Asked(
        kind="bring",
        told={"key": source.key, "photos": photos},
        do=lambda: {"task": bound.projects.request_reading(source)},
    )
