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
import os
import runpy
import statistics
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn import metrics as reference
from streamlit.runtime.scriptrunner import script_runner
from streamlit.testing.v1 import AppTest

from benchmarks.classify import run_all, wait_for_task
from benchmarks.train import tell
from core.datasets.records import Split
from core.datasets.snapshots import load_snapshot
from core.errors import BluetitError
from core.evaluation.answers import Answers, read_answers
from core.evaluation.asking import ask
from core.evaluation.calibration import fit_temperature
from core.evaluation.comparison import Contender, compare
from core.evaluation.curves import class_areas
from core.evaluation.examination import read_examination
from core.evaluation.latency import measure_latencies
from core.evaluation.metrics import SplitMetrics, measure
from core.evaluation.rejection import default_point, rejection_points
from core.inference.classifier import ClassifierCache
from core.inference.temperature import calibrated
from core.photos.fit import to_array
from core.photos.record import PhotoRecord
from core.runs.begin import RunRequest, begin_runs
from core.runs.decision import read_decision
from core.runs.folder import RunFolder
from core.runs.records import RunStatus, RunView
from core.runs.retrain import begin_retraining
from core.services import Services, open_services
from core.settings import load_settings

_APP = Path(__file__).parent.parent / "streamlit_app.py"
_PAGE_SECONDS = 60
_NUM_RERUNS = 7
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


def split_figures(answers: Answers, temperature: float) -> dict[str, Any]:
    """Our figures of one split, as they are and calibrated, with scikit-learn's beside them."""
    plain = measure(answers)
    theirs = by_scikit_learn(answers)
    areas = class_areas(answers)
    calibrated_figures = measure(answers, temperature=temperature)
    return {
        "photos": plain.num_photos,
        "right": plain.num_correct,
        "interval": [round(plain.low, 4), round(plain.high, 4)],
        **{
            name: {"ours": rounded(value), "scikit_learn": rounded(theirs[name])}
            for name, value in by_us(plain, areas.roc, areas.average_precision).items()
        },
        "top_k": {str(k): rounded(value) for k, value in plain.top_k.items()},
        "calibration_error": rounded(plain.calibration_error),
        "calibrated_log_loss": rounded(calibrated_figures.log_loss),
        "calibrated_calibration_error": rounded(calibrated_figures.calibration_error),
    }


def by_us(found: SplitMetrics, roc_area: npt.NDArray[Any], average_precision: npt.NDArray[Any]) -> dict[str, Any]:
    """What scikit-learn has as well."""
    return {
        "accuracy": found.accuracy,
        "balanced_accuracy": found.balanced_accuracy,
        "macro_f1": found.macro_f1,
        "log_loss": found.log_loss,
        "precision": found.classes.precision,
        "recall": found.classes.recall,
        "f1": found.classes.f1,
        "confusion": found.confusion,
        "roc_area": roc_area,
        "average_precision": average_precision,
    }


def by_scikit_learn(answers: Answers) -> dict[str, Any]:
    """The same from scikit-learn; None where it is undefined."""
    num_classes = answers.probabilities.shape[1]
    labels, true, predicted = list(range(num_classes)), answers.class_indices, answers.predicted
    # As calibration with a temperature of 1 has them: adding up to exactly 1.
    probabilities = calibrated(answers.probabilities, 1.0)
    precision, recall, f1, _ = reference.precision_recall_fscore_support(
        true, predicted, labels=labels, zero_division=np.nan
    )
    are_members = [true == label for label in labels]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # classes without photos have no curves, which is said for each
        roc = [
            reference.roc_auc_score(each, answers.probabilities[:, label]) if 0 < each.sum() < len(each) else None
            for label, each in enumerate(are_members)
        ]
        average = [
            reference.average_precision_score(each, answers.probabilities[:, label])
            if 0 < each.sum() < len(each)
            else None
            for label, each in enumerate(are_members)
        ]
        return {
            "accuracy": reference.accuracy_score(true, predicted),
            "balanced_accuracy": reference.balanced_accuracy_score(true, predicted),
            "macro_f1": reference.f1_score(true, predicted, average="macro"),
            "log_loss": reference.log_loss(true, probabilities, labels=labels),
            "precision": precision,
            "recall": recall,
            "f1": f1,
            "confusion": reference.confusion_matrix(true, predicted, labels=labels),
            "roc_area": roc,
            "average_precision": average,
        }


def rounded(value: Any) -> Any:
    """A figure as JSON has it: six decimals, null where it is undefined."""
    if isinstance(value, np.ndarray | list | tuple):
        return [rounded(each) for each in value]
    if value is None or not np.isfinite(value):
        return None
    return int(value) if isinstance(value, np.integer) else round(float(value), 6)


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
    photos = list(services.library.get_photos({image.photo_hash for image in snapshot.images}).values())
    if not photos:
        raise SystemExit(f"No photo of run {view.id} is left.")
    return photos


def retrain_after_relabel(services: Services, view: RunView) -> float | None:
    """Seconds from the first of ten relabels to new answers, in a copy of the dataset; None without a dataset."""
    if view.dataset_id is None:
        return None
    tell("ten relabels and a new model")
    library = services.library
    copy = library.duplicate_dataset(view.dataset_id, library.free_name(f"{view.name}, benchmark"))
    made: list[RunView] = []
    try:
        request = RunRequest(dataset_id=copy.id, config=view.config, name=copy.name)
        made += begin_runs(services.database, services.run_desk, [request])
        first = wait_for_run(services, made[0])
        started = time.perf_counter()
        classes = [each.id for each in library.list_classes(copy.id) if each.num_images]
        images = [image for image in library.list_images(copy.id) if image.split is Split.TRAIN][:_NUM_RELABELLED]
        for image in images:
            library.move_images([image.id], next(each for each in classes if each != image.class_id))
        made.append(begin_retraining(services.database, services.run_desk, first))
        wait_for_run(services, made[1])
        read_answers(RunFolder(services.settings, made[1].id))
        return round(time.perf_counter() - started, 2)
    finally:
        for run in made:
            wait_until_idle(services, run)
            services.runs.trash(run.id)
            services.run_desk.purge(run.id)
        library.delete_dataset(copy.id)


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


# --- the pages -------------------------------------------------------------------------------------------


def page_rerun_ms(page: str, address: Mapping[str, str]) -> float:
    """Median time of a rerun of a page that is open already, milliseconds."""
    tell(f"the page {page}")
    os.environ.setdefault("STREAMLIT_BROWSER_GATHER_USAGE_STATS", "false")
    # Without it the test runner runs a page alone and not through the entry point, as a server does.
    script_runner._mpa_v1 = lambda path: runpy.run_path(path, run_name="__main__")
    app = AppTest.from_file(str(_APP), default_timeout=_PAGE_SECONDS)
    app.run()
    app.switch_page(f"pages/{page}/page.py")
    for name, value in address.items():
        app.query_params[name] = value
    app.run()
    if app.exception:
        raise SystemExit(f"The page {page} failed: {app.exception[0].value}")
    milliseconds = []
    for _ in range(_NUM_RERUNS):
        started = time.perf_counter()
        app.run()
        milliseconds.append(1000 * (time.perf_counter() - started))
    return round(statistics.median(milliseconds), 1)


if __name__ == "__main__":
    try:
        main()
    except BluetitError as exc:
        raise SystemExit(str(exc)) from exc
