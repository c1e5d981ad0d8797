"""What can be undone: changes to rows, recorded with what the rows held before and after, and reverted.

Reverting writes only rows that still hold what the operation wrote; whatever somebody has changed since stays as
it is. Columns that the operation did not touch never count, so a photo that was deleted, and meanwhile got another
split, comes back with that split.
"""

import time
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, and_, delete, select, update
from sqlalchemy.orm import Session

from core.datasets.records import OperationView
from core.datasets.shelves.rows import chunked, is_name_taken, refusing_taken_name
from core.names import first_free, name_key
from core.storage.schema import Dataset, DatasetClass, DatasetImage, DatasetOperation

MAX_OPERATIONS = 200  # kept per dataset; older ones cannot be undone, what they deleted is still in the trash

Row = type[Dataset] | type[DatasetClass] | type[DatasetImage]
_TABLES: Mapping[str, Row] = {"dataset": Dataset, "class": DatasetClass, "image": DatasetImage}


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChange:
    """Rows of one table that held the same before a change and the same after it."""

    table: str  # "dataset", "class" or "image"
    ids: tuple[int, ...]
    before: dict[str, Any]  # column to value, JSON
    after: dict[str, Any]  # the same columns


def change_rows(session: Session, table: str, ids: Collection[int], *, values: dict[str, Any]) -> list[RowChange]:
    """Write the same values into rows of a locked dataset, and say what changed.

    Rows that are gone or hold the values already are left out.
    """
    session.flush()
    row = _TABLES[table]
    columns = [getattr(row, name) for name in values]
    before: dict[tuple[Any, ...], list[int]] = defaultdict(list)
    for chunk in chunked(ids):
        changing = select(row.id, *columns).where(row.id.in_(chunk), ~_holds(row, values))
        for row_id, *held in session.execute(changing):
            before[tuple(held)].append(row_id)
        session.execute(
            update(row).where(row.id.in_(chunk)).values(values).execution_options(synchronize_session=False)
        )
    session.expire_all()  # the statements went past the objects that the session holds
    return [
        RowChange(table=table, ids=tuple(found), before=dict(zip(values, held, strict=True)), after=dict(values))
        for held, found in before.items()
    ]


def num_rows(changes: Sequence[RowChange]) -> int:
    """How many rows some changes of one table are about."""
    return sum(len(change.ids) for change in changes)


def record_operation(
    session: Session, dataset: Dataset, *, kind: str, summary: str, changes: Sequence[RowChange]
) -> OperationView:
    """Keep a change of a locked dataset so that it can be undone, and forget the oldest."""
    operation = DatasetOperation(
        dataset_id=dataset.id, kind=kind, summary=summary, changes={"rows": _rows(changes)}, created_at=time.time()
    )
    session.add(operation)
    session.flush()
    kept = (
        select(DatasetOperation.id)
        .where(DatasetOperation.dataset_id == dataset.id)
        .order_by(DatasetOperation.id.desc())
        .limit(MAX_OPERATIONS)
    )
    session.execute(
        delete(DatasetOperation)
        .where(DatasetOperation.dataset_id == dataset.id, DatasetOperation.id.not_in(kept))
        .execution_options(synchronize_session=False)
    )
    return _operation_view(operation)


def revert(session: Session, operation: DatasetOperation) -> tuple[int, int]:
    """Give the rows of an operation back what they held before it, and note that it is undone.

    Returns:
        How many rows were restored, and how many were left alone because they have changed since or are gone.
    """
    counts = _revert_changes(session, operation.dataset_id, _changes_of(operation))
    operation.undone_at = time.time()
    return counts


def revert_part(
    session: Session, operation: DatasetOperation, image_ids: Collection[int], companions: Collection[int]
) -> tuple[int, int]:
    """Revert what an operation did to some images, which are no part of it any more; counts as of `revert`.

    Args:
        session: that has locked the dataset.
        operation: that was not undone.
        image_ids: of the images.
        companions: of the images that share their split: theirs is reverted, too.
    """
    taken: list[RowChange] = []
    left: list[RowChange] = []
    for change in _changes_of(operation):
        chosen_ids = {*image_ids, *companions} if "split" in change.after else set(image_ids)
        is_chosen = [change.table == "image" and row_id in chosen_ids for row_id in change.ids]
        for chosen, changes in ((True, taken), (False, left)):
            ids = tuple(row_id for row_id, is_in in zip(change.ids, is_chosen, strict=True) if is_in is chosen)
            if ids:
                changes.append(replace(change, ids=ids))
    counts = _revert_changes(session, operation.dataset_id, taken)
    operation.changes = {"rows": _rows(left)}
    if not left:
        operation.undone_at = time.time()
    return counts


def _revert_changes(session: Session, dataset_id: int, changes: Sequence[RowChange]) -> tuple[int, int]:
    num_restored = num_left_alone = 0
    for change in reversed(changes):  # a class is back before its images are
        restored = _revert_images(session, change) if change.table == "image" else _revert_named(session, change)
        num_restored += restored
        num_left_alone += len(change.ids) - restored
    revive_classes(session, dataset_id)
    return num_restored, num_left_alone


def _changes_of(operation: DatasetOperation) -> list[RowChange]:
    return [
        RowChange(table=entry["table"], ids=tuple(entry["ids"]), before=entry["before"], after=entry["after"])
        for entry in operation.changes["rows"]
    ]


def _rows(changes: Sequence[RowChange]) -> list[dict[str, Any]]:
    return [
        {"table": change.table, "ids": change.ids, "before": change.before, "after": change.after} for change in changes
    ]


def revive_classes(session: Session, dataset_id: int) -> list[RowChange]:
    """Take classes out of the trash whose images are out of it; an image is never without its class."""
    stranded = (
        select(DatasetClass.id)
        .where(
            DatasetClass.dataset_id == dataset_id,
            DatasetClass.trashed_at.is_not(None),
            select(DatasetImage.id)
            .where(DatasetImage.class_id == DatasetClass.id, DatasetImage.trashed_at.is_(None))
            .exists(),
        )
        .order_by(DatasetClass.id)
    )
    changes = []
    for class_id in session.scalars(stranded).all():
        found = session.get_one(DatasetClass, class_id)
        values = {"trashed_at": None, **_free_name(session, found)}
        changes += change_rows(session, "class", [class_id], values=values)
    return changes


def revive_dataset(session: Session, dataset: Dataset) -> None:
    """Take a locked dataset out of the trash, under a numbered name when another has its name now."""
    values = _free_name(session, dataset)
    with refusing_taken_name(session, "dataset", values["name"]):
        dataset.name, dataset.name_key, dataset.trashed_at = values["name"], values["name_key"], None


def _operation_view(operation: DatasetOperation) -> OperationView:
    return OperationView(
        id=operation.id,
        dataset_id=operation.dataset_id,
        summary=operation.summary,
        created_at=operation.created_at,
        undone_at=operation.undone_at,
    )


def _revert_images(session: Session, change: RowChange) -> int:
    class_id = change.before.get("class_id")
    if class_id is not None and session.get(DatasetClass, class_id) is None:
        return 0  # the class was deleted for good
    num_restored = 0
    for chunk in chunked(change.ids):
        as_left = select(DatasetImage.id).where(DatasetImage.id.in_(chunk), _holds(DatasetImage, change.after))
        found = session.scalars(as_left).all()
        statement = update(DatasetImage).where(DatasetImage.id.in_(found)).values(change.before)
        session.execute(statement.execution_options(synchronize_session=False))
        num_restored += len(found)
    session.expire_all()
    return num_restored


def _revert_named(session: Session, change: RowChange) -> int:
    """Restore datasets or classes: those out of the trash again get a free name when theirs is taken."""
    num_restored = 0
    for row_id in change.ids:
        named = session.get(_TABLES[change.table], row_id)
        if not isinstance(named, Dataset | DatasetClass) or any(
            getattr(named, column) != value for column, value in change.after.items()
        ):
            continue
        values = {"name": named.name, "name_key": named.name_key, "trashed_at": named.trashed_at, **change.before}
        if values["trashed_at"] is None and _is_taken(session, named, values["name_key"]):
            if named.trashed_at is None:
                continue  # it was renamed, and another was given the old name since
            values |= _free_name(session, named)
        with refusing_taken_name(session, change.table, values["name"]):
            for column, value in values.items():
                setattr(named, column, value)
        num_restored += 1
    return num_restored


def _free_name(session: Session, named: Dataset | DatasetClass) -> dict[str, str]:
    name = first_free(named.name, lambda key: _is_taken(session, named, key))
    return {"name": name, "name_key": name_key(name)}


def _is_taken(session: Session, named: Dataset | DatasetClass, key: str) -> bool:
    dataset_id = named.dataset_id if isinstance(named, DatasetClass) else None
    return is_name_taken(session, key, dataset_id=dataset_id, other_than=named.id)


def _holds(row: Row, values: Mapping[str, Any]) -> ColumnElement[bool]:
    return and_(*(getattr(row, name).is_not_distinct_from(value) for name, value in values.items()))
