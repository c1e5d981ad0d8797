"""The handler of the task kind `train_run`: from a config and a snapshot to a model with its report.

    source → features → head ─┬────────────────────────────→ files → evaluation → report → packaging is queued
                              └→ activations → fine-tuning ─┘

A run that was killed goes on from its checkpoint: what comes before is repeated, but features are in the cache by then
and a phase that is over is not trained again. The checkpoint is deleted when the queue knows that the task is done.
"""

import logging

import keras

from core.config import SCRATCH
from core.errors import StorageError, TaskCancelledError
from core.jobs.context import TaskContext
from core.runs.desk import queue_packaging
from core.runs.folder import RunFolder
from core.runs.library import RunLibrary
from core.storage.db import Database
from core.training.attempt import Attempt
from core.training.checkpoint import read_checkpoint, remove_checkpoint
from core.training.finish import finish
from core.training.from_scratch import train_from_scratch
from core.training.memory import forget_networks
from core.training.on_backbone import train_on_backbone
from core.training.recording import RunLog, rewind
from core.training.report import write_description

logger = logging.getLogger(__name__)


def run_train_task(context: TaskContext) -> None:
    """Train a run; the payload is `{"run_id": number}`.

    Raises:
        BluetitError: it cannot be trained; the message says why and what to do.
        TaskCancelledError: it was cancelled; nothing of it is left that can be deleted now.
    """
    run_id = int(context.payload["run_id"])
    folder = RunFolder(context.settings, run_id)
    folder.create()
    folder.bring_newest()  # another node may have begun it
    context.call_afterwards(forget_networks)
    context.call_when_done(lambda: _forget_checkpoint(folder))
    database = context.database
    try:
        with RunLog(folder.log_path) as log:
            _train(context, database, folder, log)
    except TaskCancelledError:
        _delete(folder)
        raise
    except Exception:
        _keep_log(folder)
        raise
    _keep_log(folder)
    if context.settings.package_after_training:
        queue_packaging(RunLibrary(database), context.queue, run_id)


def _train(context: TaskContext, database: Database, folder: RunFolder, log: RunLog) -> None:
    runs, run_id = RunLibrary(database), int(context.payload["run_id"])
    runs.set_started(run_id, task_id=context.task_id)
    checkpoint = read_checkpoint(folder.checkpoints_path)
    rewind(runs, run_id, checkpoint)
    log.write(f"Goes on after epoch {checkpoint.epoch}" if checkpoint else "Begins")
    attempt = Attempt(context, database, folder, log)
    attempt.remove_activations()
    write_description(folder, attempt.config, attempt.snapshot, attempt.device)
    attempt.recorder.note(f"Device: {attempt.device.title}. {attempt.device.reason}")
    keras.utils.set_random_seed(attempt.config.seed)
    train = train_from_scratch if attempt.config.backbone == SCRATCH else train_on_backbone
    try:
        finish(attempt, train(attempt, checkpoint))
    finally:
        attempt.remove_activations()


def _forget_checkpoint(folder: RunFolder) -> None:
    remove_checkpoint(folder.checkpoints_path)
    folder.forget_checkpoint()


def _keep_log(folder: RunFolder) -> None:
    """Send the last lines of the log; how the run went is told without them as well."""
    try:
        folder.keep()
    except StorageError as exc:
        logger.warning("The log of a run could not be sent to the store: %s", exc)


def _delete(folder: RunFolder) -> None:
    """Delete what a cancelled run has written; what cannot be deleted now does not make it a failed one."""
    try:
        folder.delete()
    except StorageError as exc:  # Windows: a virus scanner, or somebody who looks at a file
        logger.warning("A cancelled run could not be deleted; that is tried again when the server starts: %s", exc)
