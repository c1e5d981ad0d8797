"""What a session of one space sees: its own rows and no others, whatever it asks for.

A `Database` that is bound to a space adds a condition to every statement that reads, changes or deletes rows: they must
belong to the space, or to something that does. Nobody who writes a statement has to think of it, and a statement that
the condition could not be added to, because it names a table and not the class of its rows, is refused before it runs.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from sqlalchemy import Engine, event, exists, or_
from sqlalchemy.orm import ORMExecuteState, Session, aliased, with_loader_criteria
from sqlalchemy.sql.base import ExecutableOption

from core.storage.limits import SpaceRoom
from core.storage.schema import (
    HOME_SPACE_ID,
    Base,
    ClassifyBatch,
    Dataset,
    OfBatch,
    OfDataset,
    OfRun,
    OfSpace,
    Run,
    Task,
    TaskEvent,
)

_SPACE_ID, _ROOM = "space_id", "room"  # keys in a session's `info`
_GUARDED_OPTION = "bluetit_guarded"  # of the execution of a statement that conditions were added to
_MAX_SPACES = 512
_MAX_STATEMENTS = 2_048

_OWNERS = (OfSpace, OfDataset, OfBatch, OfRun, Task, TaskEvent)
GUARDED_TABLES = tuple(
    sorted(str(mapper.local_table) for mapper in Base.registry.mappers if issubclass(mapper.class_, _OWNERS))
)
# Where a statement names a table whose rows have owners, with the name that it has there, and the condition in it.
_NAMED = re.compile(rf"(?:\b(?:FROM|JOIN|UPDATE)|,)\s+({'|'.join(GUARDED_TABLES)})\b(?!\.)(?:\s+AS\s+(\w+))?")
_CONDITION = r"\b{name}\.space_id (?:=|IS)|\.id = {name}\.(?:dataset|run|task|batch)_id AND "

# As aliases: a statement that has the table itself beside the condition keeps its own rows of it.
_dataset, _run, _task, _batch = aliased(Dataset), aliased(Run), aliased(Task), aliased(ClassifyBatch)


class OwnSession(Session):
    """A session of one space."""

    def __init__(self, engine: Engine, space_id: int, room: SpaceRoom | None = None) -> None:
        super().__init__(engine, info={_SPACE_ID: space_id, _ROOM: room})


def space_of(session: Session) -> int:
    """Whose that is what is written in a session: of the space that it is bound to, else of home."""
    space_id: int = session.info.get(_SPACE_ID, HOME_SPACE_ID)
    return space_id


def is_of_one_space(session: Session) -> bool:
    """Whether a session sees the rows of one space only."""
    return _SPACE_ID in session.info


def room_of(session: Session) -> SpaceRoom | None:
    """How much the space may have that the session is bound to; None: as much as there is room for."""
    room: SpaceRoom | None = session.info.get(_ROOM)
    return room


@event.listens_for(OwnSession, "do_orm_execute")
def _add_conditions(state: ORMExecuteState) -> None:
    if state.is_column_load:
        return  # of a row that the session has already, for which the condition held
    options = _conditions(state.session.info[_SPACE_ID])
    state.statement = state.statement.options(*options)
    state.update_execution_options(**{_GUARDED_OPTION: not state.is_insert})


def refuse_unbound(engine: Engine) -> None:
    """Have statements of sessions of one space refused that name rows of others, too.

    Raises:
        RuntimeError: from such a statement, before it runs: it is a fault of the program.
    """

    @event.listens_for(engine, "before_cursor_execute")
    def _check(_connection: Any, _cursor: Any, statement: str, _parameters: Any, context: Any, _many: bool) -> None:
        if context is not None and context.execution_options.get(_GUARDED_OPTION, False):
            unbound = _unbound_tables(statement)
            if unbound:
                raise RuntimeError(
                    f"A statement of one space would reach rows of others in {', '.join(unbound)}. Name the classes "
                    f"of the rows, not their tables: {statement}"
                )


@lru_cache(_MAX_STATEMENTS)
def _unbound_tables(statement: str) -> tuple[str, ...]:
    named = (found[2] or found[1] for found in _NAMED.finditer(statement))
    return tuple(name for name in dict.fromkeys(named) if not re.search(_CONDITION.format(name=name), statement))


@lru_cache(_MAX_SPACES)
def _conditions(space_id: int) -> Sequence[ExecutableOption]:
    # One for all tables of a kind: each is looked at with every statement.
    return (
        with_loader_criteria(OfSpace, lambda cls: cls.space_id == space_id, include_aliases=True),
        with_loader_criteria(
            OfDataset,
            lambda cls: exists().where(_dataset.id == cls.dataset_id, _dataset.space_id == space_id),
            include_aliases=True,
        ),
        with_loader_criteria(
            OfBatch,
            lambda cls: exists().where(_batch.id == cls.batch_id, _batch.space_id == space_id),
            include_aliases=True,
        ),
        with_loader_criteria(
            Task, lambda cls: or_(cls.space_id == space_id, cls.space_id.is_(None)), include_aliases=True
        ),
        with_loader_criteria(
            TaskEvent,
            lambda cls: exists().where(
                _task.id == cls.task_id, or_(_task.space_id == space_id, _task.space_id.is_(None))
            ),
            include_aliases=True,
        ),
        with_loader_criteria(
            OfRun,
            lambda cls: exists().where(_run.id == cls.run_id, _run.space_id == space_id),
            include_aliases=True,
        ),
    )
