"""The kind of task that trains runs, with a handler that only pretends to, done by a real worker process."""

import threading
from contextlib import closing
from dataclasses import replace

from core.jobs.context import TaskContext
from core.runs.desk import TRAIN_KIND
from core.runs.library import RunLibrary
from core.storage.db import open_database
from core.task_kinds import TASK_KINDS

KINDS_PATH = "tests.core.runs.run_kinds:KINDS"
KINDS = {TRAIN_KIND: replace(TASK_KINDS[TRAIN_KIND], handler="tests.core.runs.run_kinds:train")}

BATCHES_PER_EPOCH = 3


def train(context: TaskContext) -> None:
    """Three batches and an epoch at a time, until somebody asks for an end; goes on after the last epoch."""
    run_id = context.payload["run_id"]
    pause = threading.Event()
    with closing(open_database(context.settings)) as database:
        runs = RunLibrary(database)
        runs.set_started(run_id, task_id=context.task_id)
        epochs = runs.events_after(run_id, 0, kinds=["epoch"])
        runs.drop_events_after(run_id, epochs[-1].sequence if epochs else 0)
        number = len(epochs)
        while not runs.is_stop_requested(run_id):
            for _ in range(BATCHES_PER_EPOCH):
                context.check_cancelled()
                runs.append_events(run_id, [("batch", {"epoch": number})])
                pause.wait(0.02)
            runs.append_events(run_id, [("epoch", {"epoch": number})])
            number += 1
        runs.set_finished(run_id, {"num_epochs": number})
