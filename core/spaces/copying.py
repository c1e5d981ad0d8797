"""The handler that copies what was handed out: each pupil has all of it or nothing, and nobody has it twice.

A copy is one transaction, which also notes that the pupil has it. The folders of runs get their place within it; a
journal says which they are, so that the attempt after one that was killed deletes those whose rows were never
committed.
"""

import json
import os
import shutil
import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from core.datasets.shelves.whole_dataset import (
    WholeDataset,
    WholeImage,
    insert_whole_dataset,
    read_whole_dataset,
    read_whole_images,
)
from core.jobs.context import TaskContext
from core.runs.folder import RunFolder, runs_path
from core.runs.rows import run_view
from core.runs.whole_run import WholeEvent, WholeRun, insert_whole_run, read_events
from core.settings import Settings
from core.spaces.handing_out import HandOutContent
from core.storage.db import Database
from core.storage.files import TEMPORARY_PREFIX, translating_disk_errors
from core.storage.schema import Dataset, HandOut, HandOutCopy, Run

# Written to as time goes on, and about folders of the teacher's.
_NOT_COPIED = ("log.txt",)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Material:
    """What is copied, read once for all."""

    dataset: WholeDataset | None
    images: tuple[WholeImage, ...]
    runs: tuple[tuple[int, WholeRun, tuple[WholeEvent, ...]], ...]  # with the number that each has at the teacher's


def run_hand_out_task(context: TaskContext) -> None:
    """Handler of `hand_out`; the payload is `{"hand_out_id": number}`. What was deleted meanwhile is left out.

    Raises:
        StorageError: the database or the disk failed; it goes on with those who have it not yet.
    """
    database, settings = context.database.of_space(None), context.settings
    hand_out_id = int(context.payload["hand_out_id"])
    waiting = select(HandOutCopy.receiver_id).where(
        HandOutCopy.hand_out_id == hand_out_id, HandOutCopy.copied_at.is_(None)
    )
    with database.read_session() as session:
        row = session.get(HandOut, hand_out_id)
        if row is None:
            return  # the class was deleted
        content = HandOutContent.from_json(row.content)
        receivers = session.scalars(waiting.order_by(HandOutCopy.receiver_id)).all()
    _clear_journals(database, settings, hand_out_id)
    material = _read_material(database.of_space(content.giver_id), content)
    for number, receiver_id in enumerate(receivers):
        context.check_cancelled()
        context.report(number / len(receivers), f"Copy {number + 1} of {len(receivers)}")
        _copy(database.of_space(receiver_id), settings, hand_out_id, material)
    context.report(1.0, "Everybody has it")


def _read_material(database: Database, content: HandOutContent) -> _Material:
    with database.read_session() as session:
        dataset = None if content.dataset_id is None else session.get(Dataset, content.dataset_id)
        whole: WholeDataset | None = None
        images: tuple[WholeImage, ...] = ()
        if dataset is not None and dataset.trashed_at is None:
            whole, classes, captures = read_whole_dataset(session, dataset)
            images = tuple(read_whole_images(session, dataset, classes=classes, captures=captures))
        runs = []
        for run_id in content.run_ids:
            row = session.get(Run, run_id)
            if row is not None and row.trashed_at is None and row.outcome is not None:
                runs.append((run_id, WholeRun.of(run_view(session, run_id)), tuple(read_events(session, run_id))))
    return _Material(dataset=whole, images=images, runs=tuple(runs))


def _copy(own: Database, settings: Settings, hand_out_id: int, material: _Material) -> None:
    journal = _journal_path(settings, hand_out_id, own)
    with own.session() as session:
        mark = session.get(HandOutCopy, (hand_out_id, own.space_id), with_for_update=True)
        if mark is None or mark.copied_at is not None:
            return  # the pupil was removed, or has it
        dataset_id = None
        if material.dataset is not None:
            dataset_id = insert_whole_dataset(session, material.dataset, material.images).id
        placed = _insert_runs(session, material, dataset_id)
        mark.copied_at = time.time()
        session.flush()
        if placed:
            with translating_disk_errors(journal):
                journal.write_text(json.dumps([new_id for _, new_id in placed]), encoding="utf-8")
                for old_id, new_id in placed:
                    _place(RunFolder(settings, old_id), RunFolder(settings, new_id))
    if material.runs:
        journal.unlink(missing_ok=True)


def _insert_runs(session: Session, material: _Material, dataset_id: int | None) -> list[tuple[int, int]]:
    """Note the runs; the number of each at the teacher's, and its own."""
    races: dict[str, str] = {}
    return [
        (
            old_id,
            insert_whole_run(
                session,
                run,
                events,
                dataset_id=dataset_id,
                parent_id=None,
                race=None if run.race is None else races.setdefault(run.race, uuid.uuid4().hex),
            ),
        )
        for old_id, run, events in material.runs
    ]


def _place(source: RunFolder, target: RunFolder) -> None:
    """Give a run a folder with the same files: none of them is ever changed, only replaced."""
    target.set_aside()
    draft = target.path.with_name(f"{TEMPORARY_PREFIX}{uuid.uuid4().hex[:12]}-{target.path.name}")
    draft.mkdir(parents=True)
    for path in source.all_files():
        if path.name not in _NOT_COPIED:
            _link(path, draft / path.name)
    (draft / target.checkpoints_path.name).mkdir()
    draft.rename(target.path)
    target.keep()


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:  # the disk knows no links, or the file has as many as it can
        shutil.copyfile(source, target)


def _journal_path(settings: Settings, hand_out_id: int, own: Database) -> Path:
    """Names the runs whose folders are being placed; with the prefix that sweeps delete."""
    return runs_path(settings) / f"{TEMPORARY_PREFIX}handing-{hand_out_id}-{own.space_id}"


def _clear_journals(database: Database, settings: Settings, hand_out_id: int) -> None:
    """Delete the folders of transactions that were never committed."""
    with translating_disk_errors(runs_path(settings)):
        runs_path(settings).mkdir(parents=True, exist_ok=True)
        for journal in runs_path(settings).glob(f"{TEMPORARY_PREFIX}handing-{hand_out_id}-*"):
            run_ids = json.loads(journal.read_text(encoding="utf-8") or "[]")
            with database.read_session() as session:
                known = set(session.scalars(select(Run.id).where(Run.id.in_(run_ids))))
            for run_id in run_ids:
                if run_id not in known:
                    RunFolder(settings, run_id).delete()
            journal.unlink()
