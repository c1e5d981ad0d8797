"""Finished runs whose models answer, in a workspace of a test's own."""

from contextlib import closing
from dataclasses import replace
from typing import Any

from core.config import HeadConfig
from core.datasets.library import Library
from core.inference.classifier import Classifier
from core.runs.folder import RunFolder
from core.runs.library import RunLibrary
from core.runs.story import Outcome, Score
from core.settings import Settings
from core.storage.db import open_database
from tests.core.inference.model_samples import head_for_samples, record_for, write_model
from tests.core.runs.run_samples import config, take

# What a person may call a class: not Markdown, not HTML, not a number.
NAMES = ("**cat**", "<b>coffee</b>", "2024")
VALIDATION = Score(num_photos=20, num_correct=19, accuracy=0.95, low=0.76, high=0.99)
TEST = Score(num_photos=50, num_correct=48, accuracy=0.96, low=0.865, high=0.989)


def outcome(**values: Any) -> Outcome:
    known = {
        "num_epochs": 10,
        "best_epoch": 8,
        "fine_tuning_from": None,
        "is_stopped": False,
        "validation": VALIDATION.to_json(),
        "test": TEST.to_json(),
        "num_train_photos": 60,
        "num_computed": 60,
        "num_classes": 3,
        "num_parameters": 3_400_000,
        "num_trained_parameters": 3843,
        "model_bytes": 13_500_000,
        "milliseconds_per_photo": 9.4,
        "device": "CPU, 2 cores",
        "seconds": {"total": 8.0},
        "finetune_epoch_seconds": None,
    }
    return Outcome(**{**known, **values})


class Models:
    """Finished runs of one workspace."""

    def __init__(self, settings: Settings, backbone: Classifier) -> None:
        self.settings = settings
        self.backbone = backbone
        with closing(open_database(settings)) as database:
            # Browser tests of several files have one app.
            name = Library(database).datasets.free_name("My *things*")
            self._dataset_id, self._snapshot = take(database, name, range(3))

    def add(self, name: str, *, result: Outcome | None = None, head: HeadConfig | None = None, **record: Any) -> int:
        """A run whose model knows the first sample photos by `NAMES`; its number."""
        is_one_unit = head is not None
        names = NAMES[:2] if is_one_unit else NAMES
        made = config(self._snapshot, "EfficientNetLite0", head=head or HeadConfig())
        with closing(open_database(self.settings)) as database:
            runs = RunLibrary(database)
            run_id = runs.create_run(made, name=name, dataset_id=self._dataset_id).id
            runs.set_finished(run_id, (result or outcome(num_classes=len(names))).to_json())
        values = {"fingerprint": f"f{run_id}", **record}
        write_model(
            RunFolder(self.settings, run_id),
            replace(record_for(self.backbone, names), **values),
            head_for_samples(self.backbone, len(names), is_one_unit=is_one_unit),
        )
        return run_id
