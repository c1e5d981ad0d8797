"""How good a model is, how two models compare, and how fast the app finds that out.

    python -m benchmarks.evaluate --run ID [--photos 5000]
    python -m benchmarks.evaluate --compare ID ID

The runs are those of the workspace (`BLUETIT_WORKSPACE_DIR`), by the numbers in the addresses of their pages. Figures
that scikit-learn has too stand beside its own, computed from the same answers.

evaluate_seconds is the time for as many photos as asked for, decoding included; the photos of the run's snapshot are
taken again and again until there are enough. litert_share compares its photos a second with LiteRT alone on decoded
squares. page_rerun_ms is the median of reruns of the results page, or of the compare page, in this process.

retrain_after_relabel_seconds: in a copy of the dataset, which is deleted afterwards, ten photos get another class; from
the first of them until the new model's answers are on the disk, by a worker that has trained before. examine_seconds
is what the worker needs to look closer at the model: neighbours, doubtful labels, learning curve, shortcuts.
"""

import argparse
import itertools
import json
import time
from collections.abc import Sequence
from typing import Any

from benchmarks.against_scikit_learn import rounded, split_figures
from benchmarks.classify import run_all, wait_for_task
from benchmarks.page_reruns import page_rerun_ms
from benchmarks.train import tell
from core.datasets.records import Split
from core.datasets.snapshots import load_snapshot
from core.environment import load_settings
from core.errors import BluetitError
from core.evaluation.answers import read_answers
from core.evaluation.asking import ask
from core.evaluation.calibration import fit_temperature
from core.evaluation.comparison import Contender, compare
from core.evaluation.examination import read_examination
from core.evaluation.latency import measure_latencies
from core.evaluation.rejection import default_point, rejection_points
from core.inference.classifier_cache import ClassifierCache
from core.photos.fit import to_array
from core.photos.record import PhotoRecord
from core.runs.begin import RunRequest, begin_runs
from core.runs.decision import read_decision
from core.runs.folder import RunFolder
from core.runs.records import RunStatus, RunView
from core.runs.retrain import begin_retraining
from core.services import Services, open_services

_NUM_PHOTOS = 5_000
_NUM_SQUARES = 200  # decoded beforehand; 5,000 of them would fill the memory
_NUM_RELABELLED = 10
_POLL_SECONDS = 0.05


def main() -> None:
    """Run the benchmark and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--run", type=int, metavar="ID", help="number of a finished run")
    what.add_argument("--compare", type=int, nargs=2, metavar="ID", help="numbers of two finished runs")
    parser.add_argument("--photos", type=int, default=_NUM_PHOTOS, help="how many are evaluated against the clock")
    arguments = parser.parse_args()
    services = open_services(load_settings())
    try:
        if arguments.run is not None:
            figures = evaluate(services, done_run(services, arguments.run), arguments.photos)
        else:
            figures = compare_runs(services, [done_run(services, run_id) for run_id in arguments.compare])
    finally:
        services.close()
    address = {"run": str(arguments.run)} if arguments.run else {"runs": ",".join(map(str, arguments.compare))}
    page = "results" if arguments.run else "compare"
    print(json.dumps({**figures, "page_rerun_ms": page_rerun_ms(page, address)}))


def done_run(services: Services, run_id: int) -> RunView:
    """A run that has a model."""
    view = services.runs.get_run(run_id)
    if view.status is not RunStatus.DONE:
        raise SystemExit(f"Run {run_id} is {view.status}; only one that is done can be evaluated.")
    return view


# --- one run ---------------------------------------------------------------------------------------------


def evaluate(services: Services, view: RunView, num_photos: int) -> dict[str, Any]:
    """All figures of one run."""
    folder = RunFolder(services.settings, view.id)
    answers = read_answers(folder)
    fitted = fit_temperature(answers.validation)
    splits = {split: answers.of(split) for split in (Split.VALIDATION, Split.TEST) if len(answers.of(split))}
    return {
        "run": view.id,
        "name": view.name,
        "classes": len(answers.class_names),
        "temperature": round(fitted, 4),
        "decision": read_decision(folder).to_json(),
        "splits": {str(split): split_figures(each, fitted) for split, each in splits.items()},
        **examine(services, view),
        "i_do_not_know": rejection_figures(services, view, fitted),
        **time_answers(services, view, num_photos),
        "retrain_after_relabel_seconds": retrain_after_relabel(services, view),
    }


def examine(services: Services, view: RunView) -> dict[str, Any]:
    """What a closer look found, made now, and how long it took."""
    tell("a closer look at the model")
    wait_for_task(services, services.run_desk.request_examination(view.id))
    found = read_examination(RunFolder(services.settings, view.id))
    if found is None:
        raise SystemExit(f"The examination of run {view.id} left nothing behind.")
    return {
        "examine_seconds": round(found.seconds, 2),
        "suspects": sum(suspect.is_flagged for suspect in found.suspects),
        "learning_curve": [[point.num_photos, rounded(point.mean)] for point in found.learning_curve],
        "shortcuts": [
            {
                "class_index": shortcut.class_index,
                "survives_without_warmest": rounded(shortcut.survives_without_warmest),
                "survives_only_warmest": rounded(shortcut.survives_only_warmest),
                "is_suspected": shortcut.is_suspected,
            }
            for shortcut in found.shortcuts
        ],
        "skipped": list(found.skipped),
    }


def rejection_figures(services: Services, view: RunView, temperature: float) -> dict[str, Any] | None:
    """Coverage and accuracy at the slider's usual position; None without validation photos."""
    folder = RunFolder(services.settings, view.id)
    answers, found = read_answers(folder), read_examination(folder)
    if found is None or not len(answers.validation):
        return None
    points = rejection_points(
        answers.validation, temperature=temperature, distances=found.distances, judged=answers.judged
    )
    point = default_point(points)
    return {
        "strictness": point.strictness,
        "min_probability": rounded(point.min_probability),
        "max_distance": rounded(point.max_distance),
        "coverage": rounded(point.coverage),
        "accuracy": rounded(point.accuracy),
    }


def time_answers(services: Services, view: RunView, num_photos: int) -> dict[str, Any]:
    """How fast photos are evaluated, beside LiteRT alone on decoded squares."""
    tell(f"evaluating {num_photos:,} photos")
    photos = stored_photos(services, view)
    store, num_threads = services.photo_store, services.settings.num_inference_threads
    seconds = litert_seconds = 0.0
    # In turn, so that both meet the same noise of the machine.
    for start in range(0, num_photos, len(photos)):
        part = photos[: num_photos - start]
        # Anew each time: a loaded network remembers what it made of the photos before.
        classifier = ClassifierCache(services.settings).get_trained(view.id)
        squares = [
            to_array(classifier.square(store.read(photo.hash, photo.suffix), photo.hash))
            for photo in part[:_NUM_SQUARES]
        ]
        begun = time.perf_counter()
        ask(classifier, part, store, num_threads=num_threads)
        between = time.perf_counter()
        run_all(classifier.engine, list(itertools.islice(itertools.cycle(squares), len(part))))
        seconds += between - begun
        litert_seconds += time.perf_counter() - between
    return {
        "evaluated_photos": num_photos,
        "evaluate_seconds": round(seconds, 2),
        "images_per_second": round(num_photos / seconds, 1),
        "litert_images_per_second": round(num_photos / litert_seconds, 1),
        "litert_share": round(litert_seconds / seconds, 3),
    }


def stored_photos(services: Services, view: RunView) -> list[PhotoRecord]:
    """The photos of a run's snapshot that are still there."""
    snapshot = load_snapshot(services.database, view.snapshot_hash)
    photos = list(services.library.photos.get({image.photo_hash for image in snapshot.images}).values())
    if not photos:
        raise SystemExit(f"No photo of run {view.id} is left.")
    return photos


def retrain_after_relabel(services: Services, view: RunView) -> float | None:
    """Seconds from the first of ten relabels to new answers, in a copy of the dataset; None without a dataset."""
    if view.dataset_id is None:
        return None
    tell("ten relabels and a new model")
    library = services.library
    copy = library.datasets.duplicate(view.dataset_id, library.datasets.free_name(f"{view.name}, benchmark"))
    made: list[RunView] = []
    try:
        request = RunRequest(dataset_id=copy.id, config=view.config, name=copy.name)
        made += begin_runs(services.database, services.run_desk, [request])
        first = wait_for_run(services, made[0])
        started = time.perf_counter()
        classes = [each.id for each in library.classes.of(copy.id) if each.num_images]
        images = [image for image in library.images.of(copy.id) if image.split is Split.TRAIN][:_NUM_RELABELLED]
        for image in images:
            library.images.move([image.id], next(each for each in classes if each != image.class_id))
        made.append(begin_retraining(services.database, services.run_desk, first))
        wait_for_run(services, made[1])
        read_answers(RunFolder(services.settings, made[1].id))
        return round(time.perf_counter() - started, 2)
    finally:
        for run in made:
            wait_until_idle(services, run)
            services.runs.trash(run.id)
            services.run_desk.purge(run.id)
        library.datasets.delete(copy.id)


def wait_for_run(services: Services, view: RunView) -> RunView:
    """Wait until a run has its model and its report."""
    while view.is_active:
        time.sleep(_POLL_SECONDS)
        view = services.runs.get_run(view.id)
    if view.status is not RunStatus.DONE:
        raise SystemExit(f"The run ended as {view.status}: {view.error}")
    return view


def wait_until_idle(services: Services, view: RunView) -> None:
    """Wait until no worker uses a run any more, packaging included."""
    view = services.runs.get_run(view.id)
    if view.package_task_id is not None:
        wait_for_task(services, view.package_task_id)


# --- two runs --------------------------------------------------------------------------------------------


def compare_runs(services: Services, views: Sequence[RunView]) -> dict[str, Any]:
    """Which of two runs is better, and how sure that is."""
    first, second = (contender_of(services, view) for view in views)
    started = time.perf_counter()
    found = compare(first, second)
    compare_seconds = time.perf_counter() - started
    tell("timing both in turn")
    latencies = measure_latencies([services.classifiers.get_trained(view.id) for view in views])
    both, only_first, only_second, neither = found.counts
    return {
        "runs": [view.id for view in views],
        "photos": len(found.photos),
        "excluded": {str(reason): number for reason, number in found.excluded.items()},
        "both_right": both,
        "only_first": only_first,
        "only_second": only_second,
        "neither": neither,
        "p_value": rounded(found.p_value),
        "difference": rounded(found.difference),
        "interval": rounded(found.interval) if found.interval else None,
        "disagreements": sum(photo.is_disputed for photo in found.photos),
        "compare_seconds": round(compare_seconds, 4),
        "latency_ms": [round(latency.median, 2) for latency in latencies],
    }


def contender_of(services: Services, view: RunView) -> Contender:
    """A run's model, as a side of a comparison."""
    folder = RunFolder(services.settings, view.id)
    return Contender.of_run(
        read_answers(folder),
        load_snapshot(services.database, view.snapshot_hash),
        temperature=read_decision(folder).temperature,
    )


if __name__ == "__main__":
    try:
        main()
    except BluetitError as exc:
        raise SystemExit(str(exc)) from exc
