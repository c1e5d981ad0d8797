"""What people take away: every format made and proven, with its size, its speed, and how far it is from the preview.

    python -m benchmarks.export --run ID
    python -m benchmarks.export --data DIR

The run is one of the workspace (`BLUETIT_WORKSPACE_DIR`), by the number in the address of its page. With DIR, which
holds `train/` and `validation/`, a folder per class, the recipe *quick* is trained first, in a workspace of its own.

Each format is made as the worker makes it, one after the other in this process: converted, then asked by its own sample
program in a process of its own about the test photos (validation where there are none). `certified_seconds` is the time
for all of them together. `float_agreement` and `float_difference` are the worst of the formats in floating point,
`int8_loss` is in points of accuracy. A format that cannot be made here is null, and standard error says why.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.classify import wait_for_task
from benchmarks.evaluate import done_run
from benchmarks.train import import_photos, tell, train
from core.backbones.catalog import find_backbone
from core.datasets.sources.requests import ServerFolder
from core.environment import load_settings
from core.errors import BluetitError, WebRuntimeError
from core.export.desk import obstacle_of
from core.export.exports import ExportRecord
from core.export.formats import FORMATS, MAX_FLOAT_DIFFERENCE, ExportFormat
from core.recipes import find_recipe
from core.runs.begin import NO_SNAPSHOT
from core.services import Services, open_services

if TYPE_CHECKING:  # it loads TensorFlow
    from core.packaging.exporter import Exporter

_RECIPE = "quick"
_INT8, _WEB = "litert_int8", "web"


def main() -> None:
    """Run the benchmark and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--run", type=int, metavar="ID", help="number of a finished run")
    what.add_argument("--data", type=Path, metavar="DIR", help="folder with train/ and validation/")
    arguments = parser.parse_args()
    if arguments.run is not None:
        services = open_services(load_settings())
        try:
            print(json.dumps(measure(services, done_run(services, arguments.run).id)))
        finally:
            services.close()
    else:
        with trained(arguments.data.resolve()) as (services, run_id):
            print(json.dumps(measure(services, run_id)))


@contextmanager
def trained(folder: Path) -> Iterator[tuple[Services, int]]:
    """A workspace with a run of the recipe *quick* on the photos of a folder."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as workspace:
        settings = replace(
            load_settings(),
            workspace_dir=Path(workspace),
            cache_dir=None,
            import_dirs=(str(folder),),
            package_after_training=False,
        )
        services = open_services(settings)
        try:
            backbone = find_backbone(settings.default_backbone)
            wait_for_task(services, services.request_preparation(backbone))
            dataset_id = import_photos(services, ServerFolder(path=str(folder)), "benchmark")
            config = find_recipe(_RECIPE).config(NO_SNAPSHOT, backbone=backbone.name)
            view, _ = train(services, dataset_id, config, is_packaging_awaited=False)
            yield services, view.id
        finally:
            services.close()


def measure(services: Services, run_id: int) -> dict[str, Any]:
    """Make every format and tell what came of it."""
    from core.packaging.exporter import Exporter  # loads TensorFlow, which the workers before must not wait for

    began = time.monotonic()
    view = services.runs.get_run(run_id)
    exporter = Exporter(run_id, settings=services.settings, database=services.database, check_cancelled=lambda: None)
    records: dict[str, ExportRecord | None] = {}
    for row in FORMATS:
        tell(row.title)
        obstacle = obstacle_of(row, view)
        if obstacle is not None:
            tell(obstacle)
        records[row.name] = None if obstacle is not None else _make(exporter, row)
    seconds = time.monotonic() - began
    certificates = {name: None if record is None else record.proven.certificate for name, record in records.items()}
    floats = [
        found
        for row in FORMATS
        if row.max_difference == MAX_FLOAT_DIFFERENCE and (found := certificates[row.name]) is not None
    ]
    int8, web, page = certificates[_INT8], certificates[_WEB], records[_WEB]
    return {
        "run": run_id,
        "photos": floats[0].num_photos,
        "formats": {name: None if record is None else _figures(record) for name, record in records.items()},
        "float_agreement": min(each.top1_agreement for each in floats),
        "float_difference": max(each.max_probability_difference for each in floats),
        "int8_loss": None if int8 is None else round(100 * int8.accuracy_lost, 3),
        "web_agreement": None if web is None else web.top1_agreement,
        "web_megabytes": None if page is None else round(page.artefact_bytes / 1e6, 2),
        "certified_seconds": round(seconds, 1),
    }


def _make(exporter: "Exporter", row: ExportFormat) -> ExportRecord | None:
    try:
        return exporter.make(row, report=lambda *_: None)
    except WebRuntimeError as exc:  # there is no network, and nobody has put it there
        tell(str(exc))
        return None


def _figures(record: ExportRecord) -> dict[str, Any]:
    found = record.proven.certificate
    made = {"seconds": round(record.seconds, 2), "megabytes": round(record.artefact_bytes / 1e6, 2)}
    if found is None:
        tell(record.proven.unproven)
        return made
    return {
        **made,
        "top1_agreement": found.top1_agreement,
        "max_probability_difference": found.max_probability_difference,
        "accuracy": round(found.accuracy, 4),
        "latency_ms": round(found.latency_milliseconds, 2),
    }


if __name__ == "__main__":
    try:
        main()
    except BluetitError as exc:
        raise SystemExit(str(exc)) from exc
