"""Runs as they go from one workspace to another: all of their rows but numbers that count in one database only."""

import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar

from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from core.datasets.shelves.rows import chunked, refusing_taken_name
from core.errors import RecordError
from core.names import clean_label, clean_name, clean_text, first_free, name_key
from core.records import Record
from core.runs.records import BEGIN_SECONDS, RunView
from core.runs.story import BatchStory, EpochStory, NoteStory, Outcome, PhaseStory, PhotosStory
from core.storage.column_values import LARGEST_NUMBER, is_moment
from core.storage.own_rows import space_of
from core.storage.schema import Run, RunEvent

_STORIES: Mapping[str, type[Record]] = MappingProxyType(
    {"phase": PhaseStory, "batch": BatchStory, "epoch": EpochStory, "photos": PhotosStory, "note": NoteStory}
)
_PHOTO_HASH = re.compile("[0-9a-f]{64}")
_ROWS_AT_ONCE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeRun(Record):
    """A run that is done or can go on; times in Unix seconds."""

    name: str
    note: str
    recipe: str | None
    config: dict[str, Any]  # a `TrainConfig` as JSON, which another version may have written
    snapshot_hash: str
    race: str | None
    last_sequence: int
    num_rewinds: int
    created_at: float
    started_at: float | None
    finished_at: float | None
    outcome: dict[str, Any] | None  # None: it has not ended, and can go on

    @classmethod
    def of(cls, view: RunView) -> "WholeRun":
        """What is taken along of a run."""
        return cls(
            name=view.name,
            note=view.note,
            recipe=view.recipe,
            config=view.config_values,
            snapshot_hash=view.snapshot_hash,
            race=view.race,
            last_sequence=view.last_sequence,
            num_rewinds=view.num_rewinds,
            created_at=view.created_at,
            started_at=view.started_at,
            finished_at=view.finished_at,
            outcome=view.outcome,
        )

    def check(self) -> None:
        """Refuse what no run of Bluetit is.

        Raises:
            RecordError: the name, the config or the outcome is none, or the numbers are not possible.
        """
        clean_name(self.name, "run")
        if self.config.get("snapshot") != self.snapshot_hash:
            raise RecordError(f"The run “{self.name}” says that it learned from another snapshot than its own.")
        if self.outcome is not None:
            Outcome.from_json(self.outcome)
        times = (self.created_at, self.started_at or 0.0, self.finished_at or 0.0)
        numbers = (self.last_sequence, self.num_rewinds)
        if not all(0 <= each <= LARGEST_NUMBER for each in numbers) or not all(map(is_moment, times)):
            raise RecordError(f"The run “{self.name}” has times or numbers of events that cannot be.")


@dataclass(frozen=True, slots=True, kw_only=True)
class WholeEvent(Record):
    """An event of a run."""

    is_json_row: ClassVar[bool] = True

    sequence: int
    kind: str  # a `RunEventKind`
    payload: dict[str, Any]
    created_at: float  # Unix seconds

    def check(self) -> None:
        """Refuse what no page could draw.

        Raises:
            RecordError: the kind is unknown, or the payload is none of that kind.
        """
        if self.kind not in _STORIES:
            raise RecordError(f"The run has an event {self.kind[:40]!r}; known are {', '.join(_STORIES)}.")
        story = _STORIES[self.kind].from_json(self.payload)
        if isinstance(story, PhotosStory) and not all(map(_is_photo, story.photos)):
            raise RecordError("The run tells of photos that are none.")


def read_events(session: Session, run_id: int) -> Iterator[WholeEvent]:
    """The events of a run, in order."""
    columns = (RunEvent.sequence, RunEvent.kind, RunEvent.payload, RunEvent.created_at)
    statement = select(*columns).where(RunEvent.run_id == run_id).order_by(RunEvent.sequence)
    for sequence, kind, payload, created_at in session.execute(statement.execution_options(yield_per=_ROWS_AT_ONCE)):
        yield WholeEvent(sequence=sequence, kind=kind, payload=payload, created_at=created_at)


def insert_whole_run(
    session: Session,
    run: WholeRun,
    events: Iterable[WholeEvent],
    *,
    dataset_id: int | None,
    parent_id: int | None,
    race: str | None,
) -> int:
    """Note a run from elsewhere, under a numbered name where another has its name; its number.

    Args:
        session: of a transaction.
        run: checked.
        events: checked, in order.
        dataset_id: of the dataset that came with it; None: it came without.
        parent_id: the run that it goes on from, in this database.
        race: mark of its race in this database.
    """
    taken = set(session.scalars(select(Run.name_key).where(Run.trashed_at.is_(None))))
    name = first_free(clean_name(run.name, "run"), taken.__contains__)
    row = Run(
        name=name,
        name_key=name_key(name),
        note="\n".join(clean_text(line) for line in run.note.splitlines()),
        dataset_id=dataset_id,
        snapshot_hash=run.snapshot_hash,
        recipe=None if run.recipe is None else clean_label(run.recipe),
        config=run.config,
        parent_id=parent_id,
        race=race,
        last_sequence=run.last_sequence,
        num_rewinds=run.num_rewinds,
        # The clock over there may be ahead, and a run that is young and has no task counts as one that waits.
        created_at=min(run.created_at, time.time() - BEGIN_SECONDS),
        started_at=run.started_at,
        finished_at=run.finished_at,
        outcome=run.outcome,
        space_id=space_of(session),
    )
    with refusing_taken_name(session, "run", name):
        session.add(row)
    for chunk in chunked(events):
        session.execute(insert(RunEvent), [{"run_id": row.id, **event.to_json()} for event in chunk])
    return row.id


def _is_photo(told: Mapping[str, Any]) -> bool:
    """Whether a photo that an event tells of can be one: its hash and ending become parts of addresses."""
    photo_hash, suffix = told.get("hash"), told.get("suffix")
    probabilities, class_index = told.get("probabilities"), told.get("class_index")
    return (
        isinstance(photo_hash, str)
        and _PHOTO_HASH.fullmatch(photo_hash) is not None
        and suffix in (".jpg", ".png")
        and isinstance(class_index, int)
        and isinstance(probabilities, list)
        and 0 <= class_index < len(probabilities)
        and all(isinstance(each, int | float) for each in probabilities)
    )
