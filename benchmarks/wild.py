"""Whether inputs as people have them come in rightly, or are refused rightly.

    python -m benchmarks.wild --cases DIR

Each folder below DIR with an `expected.json` holds inputs and what they must give. Every entry goes the way that files
take from the start page into a dataset of its own, with the proposed plan accepted, through the app's own worker; then
the dataset is checked. The format, all keys but `inputs` optional:

    {"cases": [{"inputs": ["a.zip"], "classes": {"cat": 12}, "splits": {"train": 16}, "distinct": 24, "min_greys": 64,
                "asks": true, "says": ["13"], "never_says": ["[Dd]amaged"], "refused_all": false}]}

*inputs* given at once; *classes* photos per class afterwards, names exact; *splits*; *distinct* different stored
photos; *min_greys* distinct grey levels of every stored photo; *asks* whether the person must be asked before anything
is imported; *says* and *never_says* regular expressions over all that a person is told (plan, report, findings);
*refused_all* nothing may come in. An error is silent when what has come in differs from the expected, and neither plan
nor report says a word.
"""

import argparse
import json
import re
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.classify import wait_for_task
from core.backbones.catalog import find_backbone
from core.datasets.checks.findings import Finding
from core.datasets.ingest.desk import ImportStatus
from core.datasets.readings.question import PlanQuestion
from core.datasets.records import ImportState
from core.datasets.sources.requests import ImportRequest, Source, StagedArchive, StagedFiles
from core.datasets.tasks import CHECK_KIND
from core.environment import load_settings
from core.photos.decode import decode_image
from core.photos.store import PhotoStore
from core.services import Services, open_services
from pages.dataset.uploads import ARCHIVE_TYPES, archive_title, common_title

_POLL_SECONDS = 0.05
_KEYS_OF_WORDS = frozenset(("asks", "says", "never_says"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of some inputs."""

    classes: dict[str, int]  # photos of each class
    splits: dict[str, int]  # photos of each split; those without one are not counted
    distinct: int  # different photos
    min_greys: int | None  # fewest distinct grey levels of any photo; None without photos
    asks: bool  # whether the person was asked before anything came in
    told_at_import: tuple[str, ...]  # every sentence of plan and report
    told_by_check: tuple[str, ...]  # every sentence of the findings


def main() -> None:
    """Run all cases and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=Path, required=True, help="folder of folders with an expected.json each")
    arguments = parser.parse_args()
    if not arguments.cases.is_dir():
        raise SystemExit(f"{arguments.cases} is no folder.")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as workspace:
        services = open_services(load_settings({"BLUETIT_WORKSPACE_DIR": workspace}))
        try:
            wait_for_task(services, services.request_preparation(find_backbone(services.settings.default_backbone)))
            print(json.dumps(run_cases(arguments.cases, services)))
        finally:
            services.close()


def run_cases(folder: Path, services: Services) -> dict[str, Any]:
    """The figures over all cases below a folder."""
    failures: list[dict[str, Any]] = []
    num_cases = num_silent = 0
    for case_folder, expected in _cases(folder):
        num_cases += 1
        outcome = bring_in([case_folder / name for name in expected["inputs"]], services)
        differences = compare(expected, outcome)
        if differences:
            num_silent += not differences.keys() <= _KEYS_OF_WORDS and not outcome.told_at_import
            where = str(case_folder.relative_to(folder))
            failures.append({"folder": where, "inputs": expected["inputs"], "differs": differences})
    return {
        "cases": num_cases,
        "right": num_cases - len(failures),
        "wrong": len(failures),
        "silent_errors": num_silent,
        "failures": failures,
    }


def _cases(folder: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for path in sorted(folder.rglob("expected.json")):
        for expected in json.loads(path.read_text(encoding="utf-8"))["cases"]:
            yield path.parent, expected


# --- one case -------------------------------------------------------------------------------------------------------


def bring_in(paths: list[Path], services: Services) -> Outcome:
    """Import files as the start page does, accept the proposed plan, check the dataset, and tell what came of it."""
    source, title = _staged(paths, services)
    dataset = services.library.datasets.create(services.library.datasets.free_name(archive_title(title)))
    request = ImportRequest(dataset_id=dataset.id, source=source, title=title, is_new_dataset=True)
    import_id = services.imports.submit(request)
    status = _wait_for_import(import_id, services)
    told: list[str] = []
    asks = status.view.state is ImportState.QUESTION
    if asks:
        question = PlanQuestion.from_json(status.view.question or {})
        told += _sentences_of(question)
        services.imports.answer(import_id, question.suggested_answer.to_json())
        status = _wait_for_import(import_id, services)
    told += [status.error or "", *status.view.notes, *(f"{name}: {reason}" for name, reason in status.view.refused)]
    images = services.library.images.of(dataset.id)
    findings: list[Finding] = []
    if images:
        wait_for_task(services, services.dataset_tasks.request(CHECK_KIND, dataset.id))
        checked = services.library.checks.load(dataset.id)
        findings = checked.as_findings() if checked else []
    names = {found.id: found.name for found in services.library.classes.of(dataset.id)}
    hashes = {image.photo_hash for image in images}
    return Outcome(
        classes=dict(Counter(names[image.class_id] for image in images)),
        splits=dict(Counter(image.split.value for image in images if image.split)),
        distinct=len(hashes),
        min_greys=min((_num_greys(photo_hash, services) for photo_hash in hashes), default=None),
        asks=asks,
        told_at_import=tuple(sentence for sentence in told if sentence),
        told_by_check=tuple(sentence for finding in findings for sentence in (finding.title, finding.why)),
    )


def _staged(paths: list[Path], services: Services) -> tuple[Source, str]:
    """The files as the browser hands them over: archives to one box, photos to the other."""
    contents = [(path.name, path.read_bytes()) for path in paths]
    folder = services.imports.stage_files(contents)
    names = [path.name for path in paths]
    are_archives = all(name.casefold().endswith(tuple(f".{kind}" for kind in ARCHIVE_TYPES)) for name in names)
    if are_archives:
        return StagedArchive(folder=folder), common_title(names)
    return StagedFiles(folder=folder), "My folder"


def _wait_for_import(import_id: int, services: Services) -> ImportStatus:
    while (status := services.imports.status(import_id)).is_active:
        time.sleep(_POLL_SECONDS)
    return status


def _sentences_of(question: PlanQuestion) -> Iterator[str]:
    for option in question.options:
        yield f"{option.title}. {option.explanation}"
        yield ", ".join(f"class {count.name}: {count.num_photos}" for count in option.classes)
        yield from (group.question for group in option.groups)
        yield from (f"{each.num_photos} photos left out: {each.reason} {each.example}" for each in option.left_out)


def _num_greys(photo_hash: str, services: Services) -> int:
    photo = services.library.photos.get({photo_hash})[photo_hash]
    store = PhotoStore(services.settings.photos_path, services.settings.cache_path)
    image = decode_image(store.read(photo.hash, photo.suffix), photo.hash[:12])
    return int(np.count_nonzero(np.bincount(np.asarray(image.convert("L")).ravel(), minlength=256)))


# --- what differs ----------------------------------------------------------------------------------------------------


def compare(expected: dict[str, Any], outcome: Outcome) -> dict[str, Any]:
    """Every key of what is expected that the outcome does not give, with what it gives."""
    text = "\n".join(outcome.told_at_import + outcome.told_by_check)
    found: dict[str, Any] = {
        key: getattr(outcome, key)
        for key in ("classes", "splits", "distinct", "asks")
        if key in expected and getattr(outcome, key) != expected[key]
    }
    if "min_greys" in expected and (outcome.min_greys is None or outcome.min_greys < expected["min_greys"]):
        found["min_greys"] = outcome.min_greys
    if expected.get("refused_all") and outcome.classes:
        found["refused_all"] = outcome.classes
    if missing := [pattern for pattern in expected.get("says", ()) if not re.search(pattern, text)]:
        found["says"] = missing
    if said := [pattern for pattern in expected.get("never_says", ()) if re.search(pattern, text)]:
        found["never_says"] = said
    return found


if __name__ == "__main__":
    main()
