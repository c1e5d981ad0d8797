"""What a run has told so far, read a little at a time."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from core.config import TrainConfig
from core.runs.records import RunEventView
from core.runs.story import BatchStory, EpochStory, NoteStory, PhaseName, PhaseStory, PhotosStory

_NUM_RECENT = 5  # epochs
# A phase that takes longer than expected is taken to go on for this share of what it has taken.
_LEAST_LEFT_SHARE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class RunHistory:
    """Everything that the events of a run say, up to one of them."""

    run_id: int
    num_rewinds: int  # of the run when the first event was read
    sequence: int = 0  # of the last event that was read
    phases: tuple[PhaseStory, ...] = ()
    phase_began_at: float = 0.0  # the last of them, Unix seconds
    epochs: tuple[EpochStory, ...] = ()
    batches: tuple[tuple[float, float], ...] = ()  # (epochs gone by, loss)
    last_batch: BatchStory | None = None
    photos: PhotosStory | None = None  # the latest
    notes: tuple[NoteStory, ...] = ()

    def with_events(self, events: Iterable[RunEventView]) -> "RunHistory":
        """The same with what happened next."""
        phases, epochs, batches, notes = list(self.phases), list(self.epochs), list(self.batches), list(self.notes)
        sequence, last_batch, photos = self.sequence, self.last_batch, self.photos
        phase_began_at = self.phase_began_at
        for event in events:
            sequence = event.sequence
            match event.kind:
                case "phase":
                    phases.append(PhaseStory.from_json(event.payload))
                    phase_began_at = event.created_at
                case "epoch":
                    epochs.append(EpochStory.from_json(event.payload))
                case "batch":
                    last_batch = BatchStory.from_json(event.payload)
                    batches.append((last_batch.at, _or_nan(last_batch.loss)))
                case "photos":
                    photos = PhotosStory.from_json(event.payload)
                case "note":
                    notes.append(NoteStory.from_json(event.payload))
        return replace(
            self,
            sequence=sequence,
            phases=tuple(phases),
            phase_began_at=phase_began_at,
            epochs=tuple(epochs),
            batches=tuple(batches),
            last_batch=last_batch,
            photos=photos,
            notes=tuple(notes),
        )

    @property
    def phase(self) -> PhaseStory | None:
        """The step that the run is in, or was in last."""
        return self.phases[-1] if self.phases else None

    @property
    def num_epochs(self) -> int:
        """Epochs that are finished."""
        return self.epochs[-1].epoch if self.epochs else 0

    @property
    def best_epoch(self) -> EpochStory | None:
        """The epoch whose weights would be kept if the run ended now."""
        number = self.epochs[-1].best_epoch if self.epochs else None
        return next((epoch for epoch in self.epochs if epoch.epoch == number), None)

    @property
    def photos_per_second(self) -> float | None:
        """How fast it goes at present, or went last."""
        stories = (self.last_batch, self.epochs[-1] if self.epochs else None)
        return next((story.photos_per_second for story in stories if story and story.photos_per_second), None)

    def seconds_left(self, expected: Mapping[str, float], now: float) -> float | None:
        """Seconds that the run will still take if all its epochs come; None where that is not known.

        Args:
            expected: seconds of each phase, as they were estimated.
            now: Unix seconds.
        """
        phase = self.phase
        if phase is None or phase.phase not in expected:
            return None
        order = list(PhaseName)
        later = order[order.index(PhaseName(phase.phase)) + 1 :]
        return self._seconds_left_in(phase, expected[phase.phase], now) + sum(expected.get(name, 0.0) for name in later)

    def _seconds_left_in(self, phase: PhaseStory, expected_seconds: float, now: float) -> float:
        """What the last epochs took tells more than any estimate; before the first of them the estimate has to do."""
        first_epoch = phase.first_epoch or 1
        recent = [epoch.seconds for epoch in self.epochs if epoch.epoch >= first_epoch][-_NUM_RECENT:]
        if phase.num_epochs is not None and recent:
            return sum(recent) / len(recent) * max(0, _last_epoch(phase) - self.num_epochs)
        gone = max(0.0, now - self.phase_began_at)
        return max(expected_seconds - gone, _LEAST_LEFT_SHARE * gone)

    def num_planned(self, config: TrainConfig, *, is_active: bool) -> int:
        """Epochs of all phases that are done or may still come."""
        if not is_active:
            return max(1, self.num_epochs)
        fine_tuning = self._started(PhaseName.FINE_TUNE)
        if fine_tuning is not None:
            return _last_epoch(fine_tuning)
        if config.fine_tune is None:
            return self._end_of_first_phase(config)
        return self._end_of_first_phase(config) + config.fine_tune.phase.num_epochs

    def fine_tuning_from(self, config: TrainConfig, *, is_active: bool) -> int | None:
        """Epochs before fine-tuning begins, or began; None when it never does."""
        fine_tuning = self._started(PhaseName.FINE_TUNE)
        if fine_tuning is not None:
            return (fine_tuning.first_epoch or 1) - 1
        return self._end_of_first_phase(config) if is_active and config.fine_tune is not None else None

    def _started(self, phase: PhaseName) -> PhaseStory | None:
        return next((story for story in reversed(self.phases) if story.phase == phase), None)

    def _end_of_first_phase(self, config: TrainConfig) -> int:
        first = self._started(PhaseName.SCRATCH) or self._started(PhaseName.HEAD)
        return config.head_phase.num_epochs if first is None else _last_epoch(first)


def _last_epoch(story: PhaseStory) -> int:
    return (story.first_epoch or 1) - 1 + (story.num_epochs or 0)


def _or_nan(value: float | None) -> float:
    return math.nan if value is None else value
