"""Whether anything is left: rows are asked for, and every file of the workspace is looked through."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Table, func, select
from sqlalchemy.orm import Session

from core.settings import Settings
from core.spaces.deleting.inventory import Inventory
from core.spaces.deleting.records import DeletionPlan
from core.storage.byte_scan import Scan, files_below, scan_files, scan_stored
from core.storage.db import Database
from core.storage.open_store import open_store
from core.storage.schema import Base

_HASH = re.compile(r"[0-9a-f]{64}")
_ROWS_AT_ONCE = 1_000
# Columns that say whose a row is, however the table calls it.
_SPACE_COLUMNS = ("space_id", "of_space_id", "receiver_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class RowsLeft:
    """What reading the database has found."""

    num_tables: int
    num_rows: int
    of_spaces: tuple[str, ...]  # tables with rows of a space that is to be gone
    with_hashes: tuple[str, ...]  # tables in which a deleted photo is named

    @property
    def tables(self) -> tuple[str, ...]:
        """Tables in which anything is left."""
        return tuple(sorted({*self.of_spaces, *self.with_hashes}))


def look_through_database(database: Database, plan: DeletionPlan, hashes: Collection[str]) -> RowsLeft:
    """Read every row of every table and look for the spaces and the photos.

    Args:
        database: of everybody.
        plan: what was to be deleted.
        hashes: of the photos that are to be gone.
    """
    gone = set(hashes)
    of_spaces, with_hashes, num_rows = [], [], 0
    tables = Base.metadata.sorted_tables
    with database.of_space(None).read_session() as session:
        for table in tables:
            if _num_of_spaces(session, table, plan):
                of_spaces.append(table.name)
            rows = session.connection().execution_options(yield_per=_ROWS_AT_ONCE).execute(table.select())
            is_named = False
            for row in rows:
                num_rows += 1
                is_named = is_named or any(found in gone for found in _HASH.findall(repr(tuple(row))))
            if is_named:
                with_hashes.append(table.name)
    return RowsLeft(
        num_tables=len(tables), num_rows=num_rows, of_spaces=tuple(of_spaces), with_hashes=tuple(with_hashes)
    )


def look_through_files(settings: Settings, inventory: Inventory, hashes: Collection[str], *, but: Path) -> Scan:
    """Look through all files of workspace, cache and object store for pieces of photos, and for their names.

    Args:
        settings: where files are.
        inventory: has the pieces.
        hashes: of the photos that are to be gone.
        but: the list of the deletion itself.
    """
    folders = {settings.workspace_dir, settings.cache_path}
    outermost = [each for each in folders if not any(each != other and each.is_relative_to(other) for other in folders)]
    windows = windows_sought(inventory, hashes)
    here = scan_files((path for path in files_below(outermost) if path != but), windows)
    return here.with_more(scan_stored(open_store(settings), windows, but=f"{but.parent.name}/{but.name}"))


def windows_sought(inventory: Inventory, hashes: Collection[str]) -> set[bytes]:
    """Pieces of photos, and their names, which are as long."""
    pieces = {bytes.fromhex(digits) for each in hashes for digits in inventory.windows.get(each, ())}
    return pieces | {each.encode() for each in hashes}


def _num_of_spaces(session: Session, table: Table, plan: DeletionPlan) -> int:
    total = 0
    for name in _SPACE_COLUMNS:
        if name in table.c:
            # The browsers of a space that stays are let in there still.
            ids = plan.space_ids if table.name == "space_keys" else plan.owner_ids
            if name != "space_id":
                ids = plan.space_ids
            counted = select(func.count()).select_from(table).where(table.c[name].in_(ids))
            total += session.connection().execute(counted).scalar() or 0
    if table.name == "spaces":
        counted = select(func.count()).select_from(table).where(table.c.id.in_(plan.space_ids))
        total += session.connection().execute(counted).scalar() or 0
    return total
