"""A closer look that was taken already: thirty pupils who were handed one model have thirty runs of it.

What a closer look finds out follows from the model, what it said, its photos, and which of these are nearly the same.
A digest of all that is kept with the result, and who looks at another run with the same digest takes the result over.
"""

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select

from core.backbones.weights import file_sha256
from core.errors import RunFileError
from core.evaluation.examination import VERSION, Examination, read_examination
from core.runs.folder import RunFolder
from core.runs.model_record import ModelRecord
from core.settings import Settings
from core.storage.db import Database
from core.storage.files import translating_disk_errors
from core.storage.schema import RunLook

_MAX_TWINS = 20  # whose files are read: were those of the newest damaged, older ones are hardly better


@dataclass(frozen=True, slots=True)
class Twin:
    """What was found out about the same model elsewhere."""

    examination: Examination
    reference: bytes  # of the file with the features of its training photos


def digest_inputs(
    record: ModelRecord,
    folder: RunFolder,
    *,
    snapshot_hash: str,
    photo_hashes: Collection[str],
    pairs: Collection[tuple[str, str]],
) -> str:
    """What a closer look follows from, as 64 hexadecimal digits of SHA-256.

    Args:
        record: of the model.
        folder: of the run, for what the model said.
        snapshot_hash: of the photos that the model learned from and was judged by.
        photo_hashes: those of them that are still known.
        pairs: hashes of photos that are nearly the same.

    Raises:
        StorageError: what the model said cannot be read.
    """
    with translating_disk_errors(folder.predictions_path):
        said = file_sha256(folder.predictions_path)
    inputs = [VERSION, record.to_json(), said, snapshot_hash, sorted(photo_hashes), sorted(map(list, pairs))]
    return hashlib.sha256(json.dumps(inputs, sort_keys=True).encode()).hexdigest()


def find_twin(database: Database, settings: Settings, *, run_id: int, digest: str) -> Twin | None:
    """A run with the same digest that was looked at; None: there is none, or what was found out is damaged or gone.

    Runs of all spaces count: whoever has the same model and photos learns nothing from it that is not theirs. Only
    looks that were taken in this workspace count: what came with a project may say anything.
    """
    twins = select(RunLook.run_id).where(RunLook.digest == digest, RunLook.run_id != run_id)
    with database.of_space(None).read_session() as session:
        run_ids = session.scalars(twins.order_by(RunLook.run_id.desc()).limit(_MAX_TWINS)).all()
    for each in run_ids:
        folder = RunFolder(settings, each)
        try:
            examination = read_examination(folder)
            if examination is not None and examination.inputs == digest:
                return Twin(examination, folder.reference_path.read_bytes())
        except (RunFileError, OSError):
            continue  # its own page tells of the damage
    return None
