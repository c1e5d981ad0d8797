"""All that is known of a run's model when it is exported, read once from its folder and the database."""

import importlib.metadata
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from core.config import TrainConfig
from core.datasets.records import SnapshotView
from core.datasets.snapshots import load_snapshot
from core.errors import RunFileError
from core.inference.judging import Judge, Rule, read_rule
from core.inference.trained_model import read_model_record
from core.runs.folder import RunFolder
from core.runs.model_record import ModelRecord
from core.runs.records import RunView
from core.storage.db import Database

_VERSIONS = ("bluetit", "keras", "tensorflow", "ai-edge-litert", "numpy", "pillow")


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """What the texts of an export tell."""

    title: str  # the run's name
    record: ModelRecord
    rule: Rule  # when it does not know
    has_reference: bool  # whether the distance to the photos it learned from has a say
    config: TrainConfig
    snapshot: SnapshotView
    environment: Mapping[str, Any]  # as `environment.json`; empty where that is lost
    report: Mapping[str, Any]  # as `report.json`; empty where that is lost
    versions: Mapping[str, str]  # of what made the export


def read_facts(view: RunView, folder: RunFolder, database: Database) -> ModelFacts:
    """The facts of a finished run.

    Args:
        view: the run.
        folder: of the run.
        database: where its snapshot is.

    Raises:
        RunFileError: what tells when the model does not know is damaged, or how it is asked.
        UnknownDatasetError: its snapshot is gone.
        StorageError: a file cannot be read.
    """
    rule = Judge.of(folder, read_rule(folder)).rule
    if rule.problem is not None:
        raise RunFileError(f"{rule.problem} What people take away must decide as the model does here.")
    return ModelFacts(
        title=view.name,
        record=read_model_record(folder),
        rule=rule,
        has_reference=rule.decision.max_distance is not None,
        config=view.config,
        snapshot=load_snapshot(database, view.snapshot_hash),
        environment=_read_or_nothing(folder, folder.environment_path.name),
        report=_read_or_nothing(folder, folder.report_path.name),
        versions={name: importlib.metadata.version(name) for name in _VERSIONS},
    )


def _read_or_nothing(folder: RunFolder, name: str) -> Mapping[str, Any]:
    """What a file tells that no answer depends on."""
    try:
        values = folder.read_json(folder.file(name))
    except RunFileError:
        return {}
    return values if isinstance(values, dict) else {}
