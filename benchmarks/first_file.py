"""How long somebody waits for the LiteRT zip of a model whose training has just ended.

    python -m benchmarks.first_file --data DIR

Two runs of the recipe *quick* on the photos of a folder, which has `train/` and `validation/`, in a workspace of its
own and with a worker as the app has it: it packages each model as soon as its training has ended. After the first run
the half-precision LiteRT file is asked for, which only TensorFlow's converter writes: `converted_seconds`. After the
second the LiteRT file is taken, which is written without it: `at_once_seconds`. Both count from the end of the run to
the finished zip, proof included; `difference` is the largest of a probability from what the app answers, and
`keras_difference` what packaging found beside Keras afterwards.
"""

import argparse
import json
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.classify import wait_for_task
from benchmarks.train import import_photos, tell, train, wait_for_packaging
from core.backbones.catalog import find_backbone
from core.config import TrainConfig
from core.datasets.sources.requests import ServerFolder
from core.environment import load_settings
from core.export.exports import ExportRecord, read_export
from core.export.findings import read_findings
from core.export.formats import find_format
from core.recipes import find_recipe
from core.runs.begin import NO_SNAPSHOT
from core.runs.folder import RunFolder
from core.services import Services, open_services

_RECIPE = "quick"
_DIRECT, _CONVERTED = "litert", "litert_float16"


def main() -> None:
    """Run the benchmark and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, metavar="DIR", required=True, help="folder with train/ and validation/")
    folder = parser.parse_args().data.resolve()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as workspace:
        settings = replace(load_settings(), workspace_dir=Path(workspace), cache_dir=None, import_dirs=(str(folder),))
        services = open_services(settings)
        try:
            print(json.dumps(measure(services, folder)))
        finally:
            services.close()


def measure(services: Services, folder: Path) -> dict[str, Any]:
    """The figures, in an open workspace."""
    backbone = find_backbone(services.settings.default_backbone)
    wait_for_task(services, services.request_preparation(backbone))
    dataset_id = import_photos(services, ServerFolder(path=str(folder)), "benchmark")
    config = find_recipe(_RECIPE).config(NO_SNAPSHOT, backbone=backbone.name)
    run_id, converted_seconds = _time(services, dataset_id, config, _CONVERTED)
    converted = _record(services, run_id, _CONVERTED)
    run_id, at_once_seconds = _time(services, dataset_id, config, _DIRECT)
    direct = _record(services, run_id, _DIRECT)
    certificate = direct.proven.certificate
    wait_for_packaging(services, services.runs.get_run(run_id))
    return {
        "converted_seconds": round(converted_seconds, 2),
        "converted_making_seconds": round(converted.seconds, 2),
        "at_once_seconds": round(at_once_seconds, 2),
        "difference": None if certificate is None else certificate.max_probability_difference,
        "keras_difference": read_findings(RunFolder(services.settings, run_id))["litert"].difference,
        "speedup": round(converted_seconds / at_once_seconds, 1),
    }


def _time(services: Services, dataset_id: int, config: TrainConfig, name: str) -> tuple[int, float]:
    """A run, and the seconds from its end to the zip of a format."""
    tell(f"a run, then {name}")
    view, _ = train(services, dataset_id, config, is_packaging_awaited=False)
    ended = time.perf_counter()
    if name == _DIRECT:
        refusal = services.exports.obtain(view.id, name)
        if refusal is not None:
            raise SystemExit(refusal)
    else:
        wait_for_task(services, services.exports.request(view.id, name))
    seconds = time.perf_counter() - ended
    wait_for_packaging(services, services.runs.get_run(view.id))
    return view.id, seconds


def _record(services: Services, run_id: int, name: str) -> ExportRecord:
    title = services.runs.get_run(run_id).name
    record = read_export(RunFolder(services.settings, run_id), find_format(name), title)
    if record is None:
        raise SystemExit(f"The export {name} is not there.")
    return record


if __name__ == "__main__":
    main()
