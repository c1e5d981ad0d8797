"""Who has which limits, and what is said to whoever would have more."""

from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import LimitReachedError, NoSpaceError
from core.settings import Settings
from core.storage.limits import (
    CLASS_LIMITS,
    NO_LIMITS,
    SPARE_BYTES,
    SpaceLimits,
    SpaceUse,
    UploadPace,
    limits_of,
    refuse_beyond,
    refuse_full_disk,
    refuse_training,
    settings_within,
    tell_nearly_full,
)

LIMITS = SpaceLimits(photos=100, num_bytes=50_000_000, runs=3, training_minutes=20, uploads=6)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(workspace_dir=tmp_path, import_dirs=("/photos",), hub_dirs=("/hub",))


@pytest.mark.parametrize("access", ["alone", "class", "accounts", "open"])
def test_who_has_limits(settings: Settings, access: str) -> None:
    """Pupils and accounts, and a space that is gone; whoever is alone, all together and teachers have none."""
    settings = replace(settings, access=access)
    assert [limits_of(settings, kind) for kind in ("pupil", "account", None)] == [CLASS_LIMITS] * 3
    assert [limits_of(settings, kind) for kind in ("home", "teacher")] == [NO_LIMITS] * 2


def test_limits_that_were_set(settings: Settings) -> None:
    """They hold for guests in place of the usual ones, and where all have one space; a teacher has none still."""
    settings = replace(settings, access="open", max_space_photos=7, max_space_training_minutes_per_hour=0.5)
    assert limits_of(settings, "pupil") == replace(CLASS_LIMITS, photos=7, training_minutes=0.5)
    assert limits_of(settings, "home") == SpaceLimits(photos=7, training_minutes=0.5)
    assert limits_of(settings, "teacher") == NO_LIMITS
    assert limits_of(replace(settings, access="class"), "home") == NO_LIMITS


def test_what_guests_do_not_reach(settings: Settings) -> None:
    """No folder of the server, no program, no archive larger than all that they may have."""
    guests = settings_within(settings, "pupil")
    assert (guests.import_dirs, guests.hub_dirs, guests.allow_hub) == ((), (), False)
    assert guests.max_archive_bytes == CLASS_LIMITS.num_bytes
    assert settings_within(settings, None) == guests
    assert settings_within(settings, "teacher") == settings_within(settings, "home") == settings


@pytest.mark.parametrize(
    ("use", "wanted", "sentence"),
    [
        (SpaceUse(photos=90), {"photos": 11}, "You may have 100 photos and have 90; 11 more would come. Delete some"),
        (SpaceUse(photos=100, trashed_photos=40), {"photos": 1}, "have 100 (40 of them in the trash); 1 more would"),
        (SpaceUse(runs=3, trashed_runs=1), {"runs": 1}, "You may keep 3 runs and have 3 (1 of them in the trash)"),
        (
            SpaceUse(photo_bytes=30_000_000),
            {"num_bytes": 30_000_000},
            "use 50 MB of the disk and use 30 MB; 30 MB more",
        ),
        (SpaceUse(run_bytes=50_000_000), {"num_bytes": 0}, "use 50 MB of the disk and use 50 MB. Delete photos, runs"),
    ],
    ids=["photos", "trash", "runs", "bytes", "unknown bytes"],
)
def test_what_is_refused(use: SpaceUse, wanted: dict[str, int], sentence: str) -> None:
    """The sentence says which limit, how much there is, how much would come, and what to do."""
    with pytest.raises(LimitReachedError) as refused:
        refuse_beyond(LIMITS, use, **wanted)
    assert sentence in str(refused.value)
    assert "ask your teacher" in str(refused.value)


@pytest.mark.parametrize(
    ("use", "wanted"),
    [
        (SpaceUse(photos=90), {"photos": 10}),
        (SpaceUse(photos=400), {"runs": 1}),
        (SpaceUse(runs=2), {"runs": 1}),
        (SpaceUse(incoming_bytes=20_000_000), {"num_bytes": 30_000_000}),
        (SpaceUse(run_bytes=90_000_000), {"photos": 1}),
    ],
)
def test_what_has_room(use: SpaceUse, wanted: dict[str, int]) -> None:
    """Up to the limit itself; whoever has too much of one thing may still have more of another."""
    refuse_beyond(LIMITS, use, **wanted)
    refuse_beyond(NO_LIMITS, use, photos=10**9, runs=10**9, num_bytes=10**15)


def test_training_enough_for_this_hour() -> None:
    """It says how long trainings may take and have taken."""
    refuse_training(LIMITS, SpaceUse(training_seconds=19 * 60))
    with pytest.raises(LimitReachedError, match="may take 20 minutes an hour and have taken 21 in the last one"):
        refuse_training(LIMITS, SpaceUse(training_seconds=21 * 60))


def test_a_disk_that_is_nearly_full() -> None:
    """What is sent is refused while there is room for the database and for what others have under way."""
    refuse_full_disk(SPARE_BYTES + 200_000_000, 200_000_000)
    with pytest.raises(NoSpaceError, match=r"nearly full: 499 MB are free.*Nothing of yours is lost"):
        refuse_full_disk(SPARE_BYTES + 199_000_000, 200_000_000)


def test_what_is_nearly_full() -> None:
    """From four fifths on; below, nobody is bothered."""
    assert tell_nearly_full(LIMITS, SpaceUse(photos=79, runs=2, photo_bytes=39_000_000)) == []
    assert tell_nearly_full(LIMITS, SpaceUse(photos=80, runs=3, run_bytes=40_000_000, training_seconds=960)) == [
        "80 of 100 photos",
        "40 MB of 50 MB of the disk",
        "3 of 3 runs",
        "16 of 20 minutes of training in this hour",
    ]
    assert tell_nearly_full(NO_LIMITS, SpaceUse(photos=10**6)) == []


def test_uploads_in_a_minute() -> None:
    """As many at once as in a minute, then one whenever its time has come; what is refused costs nothing."""
    now = 0.0
    pace = UploadPace(6, clock=lambda: now)
    for _ in range(6):
        pace.take()
    for _ in range(3):
        with pytest.raises(LimitReachedError, match="You may send 6 uploads a minute"):
            pace.take()
    now = 10.0
    pace.take()
    now = 100_000.0
    for _ in range(6):
        pace.take()
    with pytest.raises(LimitReachedError):
        pace.take()
    for _ in range(1_000):
        UploadPace(None).take()
