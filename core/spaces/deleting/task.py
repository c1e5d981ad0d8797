"""The handler: everything of some spaces is deleted, looked for, and a receipt written."""

import time

from sqlalchemy import select

from core.errors import SpaceError
from core.jobs.context import TaskContext
from core.jobs.queue import TaskQueue
from core.jobs.status import ACTIVE_STATUSES
from core.photos.store import PhotoStore
from core.settings import Settings
from core.spaces.deleting.inventory import (
    Inventory,
    add_windows,
    inventory_path,
    load_inventory,
    remove_inventory,
    save_inventory,
    take_inventory,
)
from core.spaces.deleting.records import DeletionPlan, DeletionView, Receipt
from core.spaces.deleting.removal import remove_features, remove_files, remove_photos, remove_rows, remove_strays
from core.spaces.deleting.verifying import look_through_database, look_through_files, windows_sought
from core.storage.db import Database
from core.storage.open_store import open_store
from core.storage.schema import Deletion, Task
from core.storage.scrub import scrub

_LOOK_SECONDS = 0.5
_WAIT_SECONDS = 120.0  # besides the time that a task has to stop by itself


def run_delete_task(context: TaskContext) -> None:
    """Handler of `delete_spaces`; the payload is `{"deletion_id": number}`. It may be begun again at any step.

    Raises:
        SpaceError: a task of theirs does not stop, or something is left; it is tried again later.
        StorageError: the database or the disk failed.
    """
    database, settings = context.database.of_space(None), context.settings
    deletion_id = int(context.payload["deletion_id"])
    with database.read_session() as session:
        row = session.get(Deletion, deletion_id)
        view = None if row is None or row.finished_at is not None else DeletionView.of(row)
    if view is None:  # an earlier attempt was killed after its last transaction
        remove_inventory(settings, deletion_id)
        return
    attempt = _Attempt(context, database, settings, view)
    receipt = attempt.run()
    with database.session() as session:
        row = session.get_one(Deletion, deletion_id)
        row.receipt, row.finished_at = receipt.to_json(), receipt.finished_at
        # The hashes of the browsers' secrets are of no more use.
        row.plan = {**row.plan, "key_hashes": []}
    remove_inventory(settings, deletion_id)
    context.report(1.0, "Everything is deleted, and nothing of it was found any more")


def stop_tasks(queue: TaskQueue, plan: DeletionPlan, *, seconds: float) -> None:
    """Cancel all tasks of the spaces, and wait until no worker has one.

    Raises:
        SpaceError: one does not stop.
    """
    active = select(Task.id).where(Task.space_id.in_(plan.owner_ids), Task.status.in_(ACTIVE_STATUSES))
    deadline = time.monotonic() + seconds
    while True:
        with queue.database.of_space(None).read_session() as session:
            task_ids = session.scalars(active).all()
        for task_id in task_ids:
            queue.request_cancel(task_id)
        if not task_ids:
            return
        if time.monotonic() > deadline:
            raise SpaceError(
                f"{len(task_ids)} of the tasks that are to be deleted do not stop. It is tried again in a few minutes."
            )
        time.sleep(_LOOK_SECONDS)


class _Attempt:
    """One attempt at a deletion."""

    def __init__(self, context: TaskContext, database: Database, settings: Settings, view: DeletionView) -> None:
        self._context = context
        self._database = database
        self._settings = settings
        self._view = view
        self._plan = view.plan
        self._path = inventory_path(settings, view.id)

    def run(self) -> Receipt:
        settings, plan = self._settings, self._plan
        self._context.report(0.0, "Stopping what is under way")
        queue = self._context.queue.of_space(None)
        stop_tasks(queue, plan, seconds=settings.cancel_grace_seconds + _WAIT_SECONDS)
        self._context.report(0.1, "Writing down what there is")
        inventory = self._take_inventory()
        self._context.report(0.3, "Deleting")
        remove_rows(self._database, plan, inventory)
        gone = remove_photos(self._database, settings, inventory, arrived_before=self._view.requested_at)
        num_files = remove_files(self._database, settings, plan, inventory)
        num_features = remove_features(settings, gone)
        self._context.report(0.6, "Writing the database anew")
        scrubbing = scrub(self._database)
        self._context.report(0.7, "Looking through everything for what should be gone")
        rows = look_through_database(self._database, plan, gone)
        scan = look_through_files(settings, inventory, gone, but=self._path)
        if scan.found:
            num_files += remove_strays(scan.found, settings)
            scan = look_through_files(settings, inventory, gone, but=self._path)
        if rows.tables or scan.found or scan.unreadable:
            left = [*rows.tables, *map(str, scan.found), *map(str, scan.unreadable)]
            raise SpaceError(f"Not everything could be deleted: something is left in {', '.join(left)}. Tried again.")
        own = inventory.photos
        return Receipt(
            reason=plan.reason,
            began_at=plan.began_at,
            requested_at=self._view.requested_at,
            finished_at=time.time(),
            num_spaces=len(plan.space_ids),
            has_teachers=bool(plan.emptied_ids),
            num_datasets=len(inventory.datasets),
            num_photos=len(own),
            photo_bytes=sum(num_bytes for _, num_bytes in own.values()),
            num_runs=len(inventory.runs),
            num_models=sum(is_done for is_done, _ in inventory.runs.values()),
            run_bytes=sum(num_bytes for _, num_bytes in inventory.runs.values()),
            num_tasks=len(inventory.tasks),
            num_features=num_features,
            num_other_files=num_files,
            num_kept_photos=len(own.keys() - gone),
            num_tables=rows.num_tables,
            num_rows=rows.num_rows,
            num_files=scan.num_files,
            num_bytes=scan.num_bytes,
            num_windows=len(windows_sought(inventory, gone)),
            num_plain_photos=sum(not inventory.windows.get(each) for each in gone),
            is_database_clean=scrubbing.is_complete,
            database_sentence=scrubbing.sentence,
            has_store=open_store(settings).is_elsewhere,
        )

    def _take_inventory(self) -> Inventory:
        inventory = take_inventory(self._database, self._settings, self._plan)
        inventory.add(load_inventory(self._settings, self._view.id))
        store = PhotoStore.of(self._settings)
        add_windows(inventory, {*inventory.photos, *inventory.loose_photos}, store)
        save_inventory(inventory, self._settings, self._view.id)
        return inventory
