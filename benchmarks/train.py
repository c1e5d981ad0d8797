"""How fast a run is, and how good its model, against the training loop of the tutorials on the same photos.

    python -m benchmarks.train --data DIR [--recipe NAME] [--backbone NAME] [--keras-epochs 10]

DIR holds `train/` and `validation/` (and perhaps `test/`), a folder per class. Photos come in through the app's own
import and runs go through its own worker process, which is warm: it has trained a tiny run before.

run, rerun and add_one last from submitting the run until the model has answered for a photo and its report is written:
the recipe's head on the frozen backbone, for as many epochs as the loop has, without early stopping; with an empty
cache (the median of three, since a run is so much shorter than the loop that a moment's noise shows), again, and again
with one photo more. The fine-tuned run is the whole recipe, or *careful* where the recipe does
not fine-tune. Its epochs and the loop's are compared without the first, which traces the network. Packaging is a step
of its own; differences are the largest of both models. Memory is the peak of the worker.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

from benchmarks.classify import wait_for_task
from benchmarks.dataset import changed, worker_memory_mb
from core.backbones.artefacts import load_artefact
from core.backbones.catalog import find_backbone
from core.config import HUB_PREFIX, SCRATCH, StoppingConfig, TrainConfig
from core.datasets.records import ImportState
from core.datasets.sources.requests import DrawnShapes, ImportRequest, ServerFolder, Source
from core.environment import load_settings
from core.errors import BluetitError
from core.export.findings import Findings, read_findings
from core.recipes import DEFAULT_RECIPE, Recipe, find_recipe
from core.runs.begin import NO_SNAPSHOT, RunRequest, begin_runs
from core.runs.folder import RunFolder
from core.runs.records import RunStatus, RunView
from core.runs.story import EpochStory, Outcome, PhaseName
from core.services import Services, open_services

_POLL_SECONDS = 0.05
_MEMORY_SECONDS = 1.0
_COLD_RUNS = 3
_KERAS_EPOCHS = 10
_KERAS_FINETUNE_EPOCHS = 3
_FINE_TUNING_RECIPE = "careful"
_DEFAULT_BACKBONE = "EfficientNetLite0"
_HUB_LAYERS = 2  # the input, and the module as a whole
_WARM_UP_PHOTOS = 6  # per class


@dataclass(frozen=True, slots=True, kw_only=True)
class TimedRun:
    """A finished run and what it took."""

    view: RunView
    outcome: Outcome
    seconds: float  # from submitting until its model has answered and its report is there
    package_seconds: float
    findings: Findings  # what packaging found
    rss_mb: float  # largest memory of the worker

    @property
    def validation_accuracy(self) -> float:
        """0-1, of the model."""
        score = self.outcome.validation_score
        if score is None:
            raise SystemExit("The run has no validation photos.")
        return score.accuracy


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is measured."""

    folder: Path  # with train/ and validation/
    head: TrainConfig  # a head on the frozen backbone
    fine_tuned: TrainConfig  # then the upper part of the backbone too


def main() -> None:
    """Run the benchmark and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="folder with train/ and validation/")
    parser.add_argument("--recipe", default=DEFAULT_RECIPE, help="name of a recipe")
    parser.add_argument("--backbone", default=None, help="name in the catalogue, or hub: and a handle")
    parser.add_argument("--keras-epochs", type=int, default=_KERAS_EPOCHS, help="of the head, in the run and the loop")
    arguments = parser.parse_args()
    folder = arguments.data.resolve()
    for name in ("train", "validation"):
        if not (folder / name).is_dir():
            raise SystemExit(f"{folder} has no folder {name}/.")
    print(json.dumps(measure(folder, find_recipe(arguments.recipe), arguments.backbone, arguments.keras_epochs)))


def measure(folder: Path, recipe: Recipe, backbone: str | None, num_epochs: int) -> dict[str, Any]:
    """All figures, one run, in a workspace of its own."""
    name = backbone or recipe.backbone or _DEFAULT_BACKBONE
    if name == SCRATCH:
        raise SystemExit(f"The recipe {recipe.name} has no backbone, so there is no loop to compare it with.")
    # Windows cannot delete a database file that a worker has just let go of.
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as workspace,
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as extra,
    ):
        import_dirs = (str(folder), str(Path(extra).resolve()))
        settings = replace(load_settings(), workspace_dir=Path(workspace), cache_dir=None, import_dirs=import_dirs)
        if not name.startswith(HUB_PREFIX):
            settings = replace(settings, default_backbone=name)
        services = open_services(settings)
        try:
            wait_for_task(services, services.request_preparation(find_backbone(settings.default_backbone)))
            plan = make_plan(folder, recipe, name, num_epochs=num_epochs, services=services)
            return measure_in(services, plan, Path(extra).resolve())
        finally:
            services.close()


def make_plan(folder: Path, recipe: Recipe, backbone: str, *, num_epochs: int, services: Services) -> Plan:
    """The configs of the runs, as the page would make them of the recipe."""
    if backbone.startswith(HUB_PREFIX):
        num_layers = _HUB_LAYERS
    else:
        num_layers = len(load_artefact(find_backbone(backbone), services.settings).read_layers())
    config = recipe.config(NO_SNAPSHOT, backbone=backbone, num_layers=num_layers)
    head = replace(
        config,
        fine_tune=None,
        head_phase=replace(config.head_phase, num_epochs=num_epochs),
        stopping=StoppingConfig(monitor=config.stopping.monitor),
    )
    careful = find_recipe(_FINE_TUNING_RECIPE).config(NO_SNAPSHOT, backbone=backbone, num_layers=num_layers)
    return Plan(folder=folder, head=head, fine_tuned=careful if config.fine_tune is None else config)


def measure_in(services: Services, plan: Plan, extra: Path) -> dict[str, Any]:
    """The figures, in an open workspace."""
    warm_up(services, plan)
    dataset_id = import_photos(services, ServerFolder(path=str(plan.folder)), "benchmark")
    cold_runs = [time_cold_run(services, dataset_id, plan) for _ in range(_COLD_RUNS)]
    run = sorted(cold_runs, key=lambda each: each.seconds)[_COLD_RUNS // 2]
    rerun = time_run(services, dataset_id, plan.head, plan.folder)
    write_one_more(plan.folder, extra)
    import_photos(services, ServerFolder(path=str(extra)), "one more", dataset_id=dataset_id)
    add_one = time_run(services, dataset_id, plan.head, plan.folder)
    fine_tuned = time_run(services, dataset_id, plan.fine_tuned, plan.folder)
    epoch_seconds = finetune_epoch_seconds(services, fine_tuned.view)
    runs = (*cold_runs, rerun, add_one, fine_tuned)
    num_validation = run.outcome.validation_score.num_photos if run.outcome.validation_score else 0
    figures = {
        "backbone": plan.head.backbone,
        "train_images": run.outcome.num_train_photos,
        "validation_images": num_validation,
        "run_seconds": round(run.seconds, 2),
        "all_run_seconds": [round(each.seconds, 2) for each in cold_runs],
        "packaging_seconds": round(run.package_seconds, 2),
        "rerun_seconds": round(rerun.seconds, 2),
        "add_one_seconds": round(add_one.seconds, 2),
        "add_one_embedded": add_one.outcome.num_computed,
        "validation_accuracy": round(run.validation_accuracy, 4),
    }
    loop = measure_loop(services, plan)
    return {
        **figures,
        "keras_seconds": round(loop["head_seconds"], 2),
        "keras_validation_accuracy": round(loop["accuracy"], 4),
        "speedup": round(loop["head_seconds"] / run.seconds, 2),
        "rerun_speedup": round(loop["head_seconds"] / rerun.seconds, 2),
        "finetune_epoch_seconds": round(epoch_seconds, 3),
        "keras_finetune_epoch_seconds": round(loop["finetune_epoch_seconds"], 3),
        "finetune_speedup": round(loop["finetune_epoch_seconds"] / epoch_seconds, 2),
        "finetune_validation_accuracy": round(fine_tuned.validation_accuracy, 4),
        "rss_mb": round(max(each.rss_mb for each in runs), 1),
        "reload_difference": max(each.findings["keras"].difference for each in runs),
        "litert_difference": max(each.findings["litert"].difference for each in runs),
    }


def measure_loop(services: Services, plan: Plan) -> dict[str, float]:
    """The same head, and the same layers fine-tuned, by the tutorials' loop in this process."""
    # From here on the process holds TensorFlow; the runs above must not notice.
    from benchmarks.keras_loop import fine_tune, train_head
    from core.training.source import find_source

    source = find_source(plan.head, services.settings, report=lambda *_: None, check_cancelled=lambda: None)
    tell("the loop: head")
    head = train_head(source.build(services.settings), plan.head, plan.folder)
    tell("the loop: fine-tuning")
    source = find_source(plan.fine_tuned, services.settings, report=lambda *_: None, check_cancelled=lambda: None)
    tuned = fine_tune(source.build(services.settings), plan.fine_tuned, plan.folder, num_epochs=_KERAS_FINETUNE_EPOCHS)
    return {
        "head_seconds": head.seconds,
        "accuracy": head.validation_accuracy,
        "finetune_epoch_seconds": tuned.epoch_seconds,
    }


def warm_up(services: Services, plan: Plan) -> None:
    """Have the worker train something tiny, so that it has loaded what a training needs."""
    tell("warming up")
    dataset_id = import_photos(services, DrawnShapes(num_per_class=_WARM_UP_PHOTOS), "warm-up")
    train(services, dataset_id, replace(plan.head, head_phase=replace(plan.head.head_phase, num_epochs=1)))


def time_cold_run(services: Services, dataset_id: int, plan: Plan) -> TimedRun:
    """Have a dataset trained on whose photos the network has not seen, and time it."""
    shutil.rmtree(services.settings.cache_path / "features")  # the warm-up has made it
    return time_run(services, dataset_id, plan.head, plan.folder)


def time_run(services: Services, dataset_id: int, config: TrainConfig, folder: Path) -> TimedRun:
    """Have a dataset trained on, and time it."""
    tell(f"a run on {config.backbone}")
    photo = next(path for path in sorted((folder / "validation").rglob("*")) if path.is_file())
    data = photo.read_bytes()
    view, rss_mb = train(services, dataset_id, config, is_packaging_awaited=False)
    services.classifiers.get_trained(view.id).classify(data, photo.name, is_alone=True)
    run_folder = RunFolder(services.settings, view.id)
    run_folder.read_json(run_folder.report_path)
    seconds = time.time() - view.created_at
    tell(f"took {seconds:.2f} s")
    package_seconds = wait_for_packaging(services, view)
    return TimedRun(
        view=view,
        outcome=Outcome.from_json(view.outcome or {}),
        seconds=seconds,
        package_seconds=package_seconds,
        findings=read_findings(run_folder),
        rss_mb=rss_mb,
    )


def train(
    services: Services, dataset_id: int, config: TrainConfig, *, is_packaging_awaited: bool = True
) -> tuple[RunView, float]:
    """Begin a run as the page does and wait for it; the run, and the largest memory of the worker in MB."""
    (view,) = begin_runs(services.database, services.run_desk, [RunRequest(dataset_id=dataset_id, config=config)])
    rss_mb, looked_at = 0.0, 0.0
    while view.is_active:
        time.sleep(_POLL_SECONDS)
        # Seldom: looking takes processor time from what is measured.
        if view.task_id is not None and time.monotonic() - looked_at >= _MEMORY_SECONDS:
            looked_at = time.monotonic()
            rss_mb = max(rss_mb, worker_memory_mb(services, services.queue.get(view.task_id).worker_id))
        view = services.runs.get_run(view.id)
    if view.status is not RunStatus.DONE:
        raise SystemExit(f"The run ended as {view.status}: {view.error}")
    if is_packaging_awaited:
        wait_for_packaging(services, view)
    return view, rss_mb


def wait_for_packaging(services: Services, view: RunView) -> float:
    """Wait until a run is packaged; how many seconds the worker had the task."""
    task_id = view.package_task_id
    if task_id is None:
        task_id = services.run_desk.request_packaging(view.id)
    wait_for_task(services, task_id)
    task = services.queue.get(task_id)
    if task.started_at is None or task.finished_at is None:
        raise SystemExit("The packaging was never begun.")
    return task.finished_at - task.started_at


def import_photos(services: Services, source: Source, name: str, *, dataset_id: int | None = None) -> int:
    """Bring photos into a dataset, a new one if none is given, and wait for it; the dataset's number."""
    tell(f"importing: {name}")
    if dataset_id is None:
        dataset_id = services.library.datasets.create(name).id
    import_id = services.imports.submit(ImportRequest(dataset_id=dataset_id, source=source, title=name))
    task_id = services.imports.status(import_id).view.task_id
    if task_id is None:
        raise SystemExit("The import has no task.")
    wait_for_task(services, task_id)
    status = services.imports.status(import_id)
    if status.view.state is not ImportState.DONE:
        raise SystemExit(f"The import ended as {status.view.state}: {status.view.question or status.error}")
    return dataset_id


def write_one_more(folder: Path, extra: Path) -> None:
    """Write a photo that the dataset does not have: one of its own, a little changed."""
    photo = next(path for path in sorted((folder / "train").rglob("*")) if path.is_file())
    target = (extra / photo.relative_to(folder)).with_suffix(".jpg")
    target.parent.mkdir(parents=True)
    target.write_bytes(changed(photo.read_bytes(), photo.name, Random(0)))


def finetune_epoch_seconds(services: Services, view: RunView) -> float:
    """Mean seconds of the epochs of fine-tuning, without the first where there are more."""
    stories = [EpochStory.from_json(event.payload) for event in services.runs.events_after(view.id, 0, kinds=["epoch"])]
    seconds = [story.seconds for story in stories if story.phase == PhaseName.FINE_TUNE]
    if not seconds:
        raise SystemExit("The run has no epochs of fine-tuning.")
    later = seconds[1:] or seconds
    return sum(later) / len(later)


def tell(text: str) -> None:
    """Say what is being done, where the JSON is not."""
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        main()
    except BluetitError as exc:
        raise SystemExit(str(exc)) from exc
