"""How much a space may have, and what is said to whoever would have more.

Pupils and accounts have limits, whether somebody set them or not, for they share one computer; a teacher has none.
Where everybody has one space, it has those that were set by hand.
"""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from core.errors import LimitReachedError, NoSpaceError
from core.settings import Settings

# Kinds of space of somebody whom the owner of this computer lets in: they reach nothing of it but Bluetit.
GUEST_KINDS = frozenset({"pupil", "account"})
_KIND_OF_ALL = "home"

NEARLY = 0.8  # share of a limit beyond which people are told
SPARE_BYTES = 300_000_000  # of the disk, which guests leave to the database and to what is under way

_ASK = "ask your teacher, or whoever runs this Bluetit"


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceLimits:
    """How much a space may have; None: as much as there is room for."""

    photos: int | None = None  # images of datasets, the trash included
    num_bytes: int | None = None  # photos, runs, exports, models from elsewhere, uploads
    runs: int | None = None  # the trash included
    training_minutes: float | None = None  # in an hour
    uploads: int | None = None  # in a minute

    @property
    def is_none(self) -> bool:
        """Whether there is no limit at all."""
        return self == NO_LIMITS


NO_LIMITS = SpaceLimits()
# Thirty pupils on a laptop with 20 GB free and one worker. A lesson is 60 photos of 0.2 MB and some trainings, each of
# which leaves 27 MB with its files to take away: a dozen of them and 300 photos fit into 400 MB. Thirty times as much
# are 12 GB, beside 5 GB for the cache of features and 3 GB for networks and what is under way. 20 of 60 minutes are
# more than anybody needs, and leave the worker to others for most of the time. Two uploads a second are a phone that
# sends each photo of a burst by itself.
CLASS_LIMITS = SpaceLimits(photos=2_000, num_bytes=400_000_000, runs=20, training_minutes=20, uploads=120)


class UploadPace:
    """How often a space may send something; safe to share between threads.

    A bucket holds as many uploads as there may be in a minute and is filled again within one (token bucket), by a clock
    that nobody can set: the computer's own may jump by a day, and neither locks anybody out nor lets everything in.
    """

    def __init__(self, per_minute: int | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._lock = threading.Lock()
        self._left = float(per_minute or 0)
        self._since = clock()

    def take(self) -> None:
        """Count an upload.

        Raises:
            LimitReachedError: there were too many in the last minute; this one does not count.
        """
        if self._per_minute is None:
            return
        with self._lock:
            now = self._clock()
            self._left = min(self._per_minute, self._left + (now - self._since) * self._per_minute / 60)
            self._since = now
            if self._left < 1:
                wait_seconds = (1 - self._left) * 60 / self._per_minute
                raise LimitReachedError(
                    f"You may send {_count(self._per_minute, 'upload')} a minute, and have done so. Wait "
                    f"{math.ceil(wait_seconds)} s and send it again, or send several photos together."
                )
            self._left -= 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceRoom:
    """What is asked before anything comes into a space."""

    limits: SpaceLimits
    settings: Settings  # tell where its files are
    pace: UploadPace


@dataclass(frozen=True, slots=True, kw_only=True)
class SpaceUse:
    """How much a space has."""

    photos: int = 0
    trashed_photos: int = 0  # of these, in the trash
    photo_bytes: int = 0  # each photo once, those of runs included
    runs: int = 0
    trashed_runs: int = 0  # of these, in the trash
    run_bytes: int = 0  # files of runs, exports of models included
    export_bytes: int = 0  # of datasets, projects included
    foreign_bytes: int = 0  # models from elsewhere
    incoming_bytes: int = 0  # uploads that wait for their import, and what imports have fetched
    training_seconds: float = 0.0  # in the last hour

    @property
    def num_bytes(self) -> int:
        """All that it takes of the disk."""
        return self.photo_bytes + self.run_bytes + self.export_bytes + self.foreign_bytes + self.incoming_bytes

    @property
    def training_minutes(self) -> float:
        """In the last hour."""
        return self.training_seconds / 60


def limits_of(settings: Settings, kind: str | None) -> SpaceLimits:
    """What a space may have.

    Args:
        settings: those that were set count.
        kind: of the space, as `core.spaces.records.SpaceKind`; None: there is no such space any more.
    """
    if kind is None or kind in GUEST_KINDS:
        usual = CLASS_LIMITS
    elif kind == _KIND_OF_ALL and settings.access in ("alone", "open"):
        usual = NO_LIMITS
    else:
        return NO_LIMITS
    minutes, uploads = settings.max_space_training_minutes_per_hour, settings.max_space_uploads_per_minute
    return SpaceLimits(
        photos=usual.photos if settings.max_space_photos is None else settings.max_space_photos,
        num_bytes=usual.num_bytes if settings.max_space_bytes is None else settings.max_space_bytes,
        runs=usual.runs if settings.max_space_runs is None else settings.max_space_runs,
        training_minutes=usual.training_minutes if minutes is None else minutes,
        uploads=usual.uploads if uploads is None else uploads,
    )


def settings_within(settings: Settings, kind: str | None) -> Settings:
    """The settings as they are for a space: guests reach no folder and no program of this computer.

    Args:
        settings: of the server.
        kind: of the space; None: there is no such space any more.
    """
    if kind is not None and kind not in GUEST_KINDS:
        return settings
    most = limits_of(settings, kind).num_bytes or settings.max_archive_bytes
    return replace(
        settings,
        import_dirs=(),
        allow_hub=False,
        hub_dirs=(),
        # What is larger than all that one may have need not be fetched or unpacked.
        max_archive_bytes=min(settings.max_archive_bytes, most),
    )


def refuse_beyond(
    limits: SpaceLimits, use: SpaceUse, *, photos: int = 0, num_bytes: int | None = None, runs: int = 0
) -> None:
    """Refuse what a space has no room for.

    Args:
        limits: of the space.
        use: what it has.
        photos: that would come.
        num_bytes: that would come; 0: some, nobody knows how many; None: none.
        runs: that would come.

    Raises:
        LimitReachedError: that would be more than it may have.
    """
    if limits.photos is not None and photos and use.photos + photos > limits.photos:
        raise LimitReachedError(
            f"You may have {_count(limits.photos, 'photo')} and have {use.photos:,}{_in_trash(use.trashed_photos)}; "
            f"{_more(photos)} would come. Delete some for good, or {_ASK}."
        )
    if limits.runs is not None and runs and use.runs + runs > limits.runs:
        raise LimitReachedError(
            f"You may keep {_count(limits.runs, 'run')} and have {use.runs:,}{_in_trash(use.trashed_runs)}; "
            f"{_more(runs)} would come. Delete some for good, or {_ASK}."
        )
    if limits.num_bytes is not None and num_bytes is not None and use.num_bytes + max(1, num_bytes) > limits.num_bytes:
        more = f"; {_size(num_bytes)} more would come" if num_bytes else ""
        raise LimitReachedError(
            f"You may use {_size(limits.num_bytes)} of the disk and use {_size(use.num_bytes)}{more}. Delete photos, "
            f"runs or exports for good, or {_ASK}."
        )


def refuse_training(limits: SpaceLimits, use: SpaceUse) -> None:
    """Refuse another training to a space whose trainings have taken as long as they may.

    Raises:
        LimitReachedError: they have.
    """
    if limits.training_minutes is not None and use.training_minutes >= limits.training_minutes:
        raise LimitReachedError(
            f"Your trainings may take {_minutes(limits.training_minutes)} an hour and have taken "
            f"{use.training_minutes:.0f} in the last one, so another cannot begin yet. Look at the results "
            f"meanwhile and try again in some minutes, or {_ASK}."
        )


def tell_time_over(minutes: float) -> str:
    """Why a training ends before its last epoch: those of its space have taken as long as they may in an hour."""
    return (
        f"Your trainings may take {_minutes(minutes)} an hour, and have. So this one ends early, with the best of the "
        f"epochs that it has finished: nothing that it learned is lost. Train again in some minutes, or {_ASK}."
    )


def refuse_full_disk(free_bytes: int, num_bytes: int) -> None:
    """Refuse what a guest sends when the disk is nearly full, while there is room for what others have under way.

    Raises:
        NoSpaceError: too little would be left.
    """
    if free_bytes - num_bytes < SPARE_BYTES:
        raise NoSpaceError(
            f"The disk of this computer is nearly full: {_size(free_bytes)} are free, and {_size(SPARE_BYTES)} are "
            "kept for what is under way. Nothing of yours is lost. Delete what you do not need, or tell your teacher."
        )


def tell_nearly_full(limits: SpaceLimits, use: SpaceUse) -> list[str]:
    """What a space has of that of which it has nearly as much as it may have, in words: "1,700 of 2,000 photos"."""
    told = []
    if _is_near(use.photos, limits.photos):
        told.append(f"{use.photos:,} of {limits.photos:,} photos")
    if _is_near(use.num_bytes, limits.num_bytes):
        told.append(f"{_size(use.num_bytes)} of {_size(limits.num_bytes or 0)} of the disk")
    if _is_near(use.runs, limits.runs):
        told.append(f"{use.runs:,} of {limits.runs:,} runs")
    if _is_near(use.training_minutes, limits.training_minutes):
        told.append(f"{use.training_minutes:.0f} of {limits.training_minutes:g} minutes of training in this hour")
    return told


def _is_near(used: float, limit: float | None) -> bool:
    return limit is not None and used >= NEARLY * limit


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def _minutes(minutes: float) -> str:
    return "1 minute" if minutes == 1 else f"{minutes:g} minutes"


def _more(number: int) -> str:
    return "1 more" if number == 1 else f"{number:,} more"


def _in_trash(number: int) -> str:
    return f" ({number:,} of them in the trash)" if number else ""


def _size(num_bytes: int) -> str:
    return f"{num_bytes / 1e9:,.1f} GB" if num_bytes >= 1e10 else f"{num_bytes / 1e6:,.0f} MB"
