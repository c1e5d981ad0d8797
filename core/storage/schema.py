"""The tables, as SQLAlchemy classes; a change here needs a new file in `migrations/versions`.

Times are Unix seconds (UTC) in double precision: the same number in every database and on every machine, with
no time zone to lose on the way; pages turn them into local time.
"""

from typing import Any, ClassVar

from sqlalchemy import JSON, BigInteger, Float, ForeignKey, Index, MetaData, Text, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

_ACTIVE = text("status IN ('queued', 'running')")
_ACTIVE_SHARED = text("space_id IS NULL AND status IN ('queued', 'running')")
_NOT_TRASHED = text("trashed_at IS NULL")

HOME_SPACE_ID = 1  # the space of whoever uses Bluetit alone; every database has it
# No column `space_id` has a foreign key, which SQLite cannot drop again: `core.spaces` alone deletes spaces, once
# nothing is theirs any more.
_HOME = str(HOME_SPACE_ID)


class Base(DeclarativeBase):
    """Base of every table."""

    # Constraints have names, because SQLite can only alter a constraint that has one.
    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "pk": "pk_%(table_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        }
    )
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        float: Float(),
        str: Text(),
        dict[str, Any]: JSON(),
        list[Any]: JSON(),
    }


# What says whose rows are, in words that `core.storage.own_rows` understands, which keeps them from others. Each table
# assigns the column itself, or it would come before all others.


class OfSpace:
    """Rows that say themselves whose they are."""

    space_id: Mapped[int] = mapped_column()


class OfDataset:
    """Rows that belong to whoever the dataset belongs to."""

    dataset_id: Mapped[int] = mapped_column()


class OfRun:
    """Rows that belong to whoever the run belongs to."""

    run_id: Mapped[int] = mapped_column()


class OfBatch:
    """Rows that belong to whoever the batch of the classify page belongs to."""

    batch_id: Mapped[str] = mapped_column()


class Classroom(Base):
    """A class that one teacher holds on this server; `core.spaces` is the only code that changes it."""

    __tablename__ = "classrooms"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(unique=True)  # what pupils type to come in
    password_hash: Mapped[str]  # of the teacher, as `core.spaces.secrets` makes it
    is_open: Mapped[bool]  # whether anybody can come in
    paused_text: Mapped[str | None]  # what every pupil reads instead of going on; None: nobody is held up
    options: Mapped[dict[str, Any]]  # a `ClassOptions` as JSON
    created_at: Mapped[float]


class Space(Base):
    """Whose things something is: of the one who uses Bluetit alone, of a teacher, a pupil, or an account."""

    __tablename__ = "spaces"
    __table_args__ = (
        Index("ix_spaces_classroom", "classroom_id", "id"),
        Index("uq_spaces_account", "account", unique=True),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)  # 1 is the space of whoever uses Bluetit alone
    kind: Mapped[str]  # home, teacher, pupil, account
    name: Mapped[str]  # for people
    classroom_id: Mapped[int | None] = mapped_column(ForeignKey("classrooms.id"))
    account: Mapped[str | None]  # issuer and subject, where an identity provider says who it is
    pickup_hash: Mapped[str | None]  # of the code that lets another device in
    created_at: Mapped[float]
    seen_at: Mapped[float]  # when somebody was there last
    doing: Mapped[dict[str, Any]]  # what they do now, for the teacher


class SpaceKey(Base):
    """A browser that is let into a space: the hash of its cookie's secret, so that nobody who reads this gets in."""

    __tablename__ = "space_keys"

    key_hash: Mapped[str] = mapped_column(primary_key=True)  # SHA-256, 64 hexadecimal digits
    space_id: Mapped[int] = mapped_column(ForeignKey("spaces.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[float]


class Worker(Base):
    """A worker process, living or gone."""

    __tablename__ = "workers"

    id: Mapped[str] = mapped_column(primary_key=True)
    pid: Mapped[int]
    host: Mapped[str]
    # The default is for workers of versions that have no lanes.
    lane: Mapped[str] = mapped_column(server_default="networks")
    started_at: Mapped[float]
    heartbeat_at: Mapped[float]
    stopped_at: Mapped[float | None]
    trouble: Mapped[str | None]  # what keeps it from working, for people who wait


class Task(Base):
    """A piece of work for a worker process; `core.jobs.status` says which statuses follow which."""

    __tablename__ = "tasks"
    __table_args__ = (
        # Two active tasks of a space with one key are impossible, whoever submits them and however fast. A key is no
        # secret: what one space asks for must not stand in another's way.
        Index("uq_tasks_active_key", "space_id", "key", unique=True, sqlite_where=_ACTIVE, postgresql_where=_ACTIVE),
        Index(
            "uq_tasks_active_shared_key",
            "key",
            unique=True,
            sqlite_where=_ACTIVE_SHARED,
            postgresql_where=_ACTIVE_SHARED,
        ),
        Index("ix_tasks_key", "key", "id"),
        Index("ix_tasks_kind", "kind", "status", "id"),
        Index("ix_tasks_space", "space_id", "id"),
        Index("ix_tasks_status", "status", "id"),
        {"sqlite_autoincrement": True},  # a number is never given again, not even after a deletion
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    payload: Mapped[dict[str, Any]]
    key: Mapped[str | None]
    status: Mapped[str]
    attempts: Mapped[int]
    worker_id: Mapped[str | None] = mapped_column(ForeignKey("workers.id"), index=True)
    cancel_requested_at: Mapped[float | None]
    created_at: Mapped[float]
    started_at: Mapped[float | None]
    finished_at: Mapped[float | None]
    error: Mapped[str | None]
    # None: of nobody in particular, such as preparing a network that all may use.
    space_id: Mapped[int | None] = mapped_column(server_default=_HOME)


class TaskEvent(Base):
    """Something that happened to a task, in the order of `sequence` (1, 2, ... within the task)."""

    __tablename__ = "task_events"
    __table_args__ = (UniqueConstraint("task_id", "sequence"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"))
    sequence: Mapped[int]
    kind: Mapped[str]
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[float]


class Dataset(OfSpace, Base):
    """Named classes with images; `core.datasets.library` is the only code that changes it."""

    __tablename__ = "datasets"
    __table_args__ = (
        Index(
            "uq_datasets_live_name",
            "space_id",
            "name_key",
            unique=True,
            sqlite_where=_NOT_TRASHED,
            postgresql_where=_NOT_TRASHED,
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_key: Mapped[str]  # the name as it is compared: case, width and spaces do not count
    revision: Mapped[int]  # grows with every change to the dataset, its classes or its images
    created_at: Mapped[float]
    changed_at: Mapped[float]
    trashed_at: Mapped[float | None]
    space_id: Mapped[int] = mapped_column(server_default=_HOME)


class DatasetClass(OfDataset, Base):
    """A class of a dataset, such as "blue tit"."""

    __tablename__ = "dataset_classes"
    __table_args__ = (
        Index(
            "uq_dataset_classes_live_name",
            "dataset_id",
            "name_key",
            unique=True,
            sqlite_where=_NOT_TRASHED,
            postgresql_where=_NOT_TRASHED,
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    name: Mapped[str]
    name_key: Mapped[str]
    position: Mapped[int]  # order on the page
    created_at: Mapped[float]
    trashed_at: Mapped[float | None]


class Photo(Base):
    """The pixels behind images, stored once per workspace, with what was measured on them."""

    __tablename__ = "photos"

    hash: Mapped[str] = mapped_column(primary_key=True)  # SHA-256 of the stored file, 64 hexadecimal digits
    suffix: Mapped[str]  # of the stored file: ".jpg" or ".png"
    width: Mapped[int]  # pixels, as stored
    height: Mapped[int]
    original_width: Mapped[int]  # pixels, as it arrived, turned upright
    original_height: Mapped[int]
    num_bytes: Mapped[int] = mapped_column(BigInteger)
    measurements: Mapped[dict[str, Any]]  # as `core.photos.measurements` writes them
    created_at: Mapped[float]


class Capture(OfDataset, Base):
    """Photos that were taken together, such as a webcam burst; they never straddle two splits."""

    __tablename__ = "captures"
    __table_args__ = (UniqueConstraint("dataset_id", "label"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    label: Mapped[str]  # unique within the dataset, kept by export and import
    created_at: Mapped[float]


class DatasetImage(OfDataset, Base):
    """A photo in a class of a dataset; the same photo may be in several, and several times in one."""

    __tablename__ = "dataset_images"
    __table_args__ = (
        Index("ix_dataset_images_class", "class_id", "trashed_at", "id"),
        Index("ix_dataset_images_dataset", "dataset_id", "trashed_at", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    class_id: Mapped[int] = mapped_column(ForeignKey("dataset_classes.id", ondelete="CASCADE"))
    photo_hash: Mapped[str] = mapped_column(ForeignKey("photos.hash"), index=True)
    name: Mapped[str]  # the original file's name, a label only
    split: Mapped[str | None]  # train, validation, test; None: not assigned yet
    split_origin: Mapped[str | None]  # imported, person, automatic; None with split None
    capture_id: Mapped[int | None] = mapped_column(ForeignKey("captures.id"), index=True)
    source_url: Mapped[str | None]  # where it was found on the web
    added_at: Mapped[float]
    trashed_at: Mapped[float | None]
    review: Mapped[str | None]  # right, unsure; None: nobody has looked again since it came into its class


class DatasetOperation(OfDataset, Base):
    """A change that can be undone, with what the changed rows held before and after it."""

    __tablename__ = "dataset_operations"
    __table_args__ = (Index("ix_dataset_operations_dataset", "dataset_id", "id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    kind: Mapped[str]
    summary: Mapped[str]  # for people, such as "Moved 3 photos to crow"
    changes: Mapped[dict[str, Any]]  # as `core.datasets.shelves.history` writes them
    created_at: Mapped[float]
    undone_at: Mapped[float | None]


class PhotoImport(OfDataset, Base):
    """One arrival of photos: what was asked for, what came of it."""

    __tablename__ = "photo_imports"
    __table_args__ = (Index("ix_photo_imports_dataset", "dataset_id", "id"), {"sqlite_autoincrement": True})

    id: Mapped[int] = mapped_column(primary_key=True)
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    request: Mapped[dict[str, Any]]  # an `ImportRequest` as JSON
    task_id: Mapped[int | None]
    state: Mapped[str]  # waiting, question, done, failed, cancelled: see `core.datasets.ingest.desk`
    question: Mapped[dict[str, Any] | None]  # what the person must decide before it can go on
    num_accepted: Mapped[int]
    num_refused: Mapped[int]
    refused: Mapped[list[Any]]  # [file name, reason] for each refused file, the first thousands of them
    created_at: Mapped[float]
    finished_at: Mapped[float | None]
    notes: Mapped[list[Any]]  # sentences for people: what was understood, scaled, left out
    dismissed_at: Mapped[float | None]  # when somebody put the report away


class PhotoPair(Base):
    """How alike two photos are whose perceptual hashes are close; found out once per pair."""

    __tablename__ = "photo_pairs"

    first_hash: Mapped[str] = mapped_column(ForeignKey("photos.hash", ondelete="CASCADE"), primary_key=True)
    second_hash: Mapped[str] = mapped_column(
        ForeignKey("photos.hash", ondelete="CASCADE"), primary_key=True, index=True
    )  # the greater of the two
    similarity: Mapped[float]  # cosine of the features, -1 to 1


class DatasetCheck(OfDataset, Base):
    """The findings of the latest check of a dataset."""

    __tablename__ = "dataset_checks"

    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True)
    revision: Mapped[int]  # of the dataset when it was checked
    # `made_by`, a `checks_version`, and `findings`, a list of `Finding`s; earlier versions wrote the list alone.
    findings: Mapped[dict[str, Any]]
    checked_at: Mapped[float]


class DismissedFinding(OfDataset, Base):
    """A finding that the person does not want to see again."""

    __tablename__ = "dismissed_findings"

    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"), primary_key=True)
    finding_key: Mapped[str] = mapped_column(primary_key=True)
    dismissed_at: Mapped[float]


class Snapshot(Base):
    """A dataset frozen for a run, named by the hash of its content; `SnapshotOrigin` says who took it."""

    __tablename__ = "snapshots"

    hash: Mapped[str] = mapped_column(primary_key=True)  # SHA-256, 64 hexadecimal digits
    class_names: Mapped[list[Any]]
    num_images: Mapped[int]
    created_at: Mapped[float]


class SnapshotImage(Base):
    """One photo of a snapshot."""

    __tablename__ = "snapshot_images"

    snapshot_hash: Mapped[str] = mapped_column(ForeignKey("snapshots.hash", ondelete="CASCADE"), primary_key=True)
    position: Mapped[int] = mapped_column(primary_key=True)
    photo_hash: Mapped[str] = mapped_column(ForeignKey("photos.hash"), index=True)
    class_index: Mapped[int]  # into the snapshot's class names
    split: Mapped[str | None]


class Run(OfSpace, Base):
    """One training, from config and snapshot to a model; `core.runs.library` is the only code that changes it."""

    __tablename__ = "runs"
    __table_args__ = (
        Index(
            "uq_runs_live_name",
            "space_id",
            "name_key",
            unique=True,
            sqlite_where=_NOT_TRASHED,
            postgresql_where=_NOT_TRASHED,
        ),
        Index("ix_runs_trashed", "trashed_at", "id"),
        Index("ix_runs_dataset", "dataset_id", "trashed_at", "id"),
        {"sqlite_autoincrement": True},  # the number names the run's folder
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_key: Mapped[str]  # the name as it is compared: case, width and spaces do not count
    note: Mapped[str]
    dataset_id: Mapped[int | None] = mapped_column(ForeignKey("datasets.id", ondelete="SET NULL"))
    snapshot_hash: Mapped[str] = mapped_column(ForeignKey("snapshots.hash"), index=True)
    recipe: Mapped[str | None]
    config: Mapped[dict[str, Any]]  # a `TrainConfig` as JSON
    # The run that it goes on from, or of which it is a changed copy.
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("runs.id", ondelete="SET NULL"), index=True)
    race: Mapped[str | None]  # mark that the runs of one race, or of one sweep, have in common
    task_id: Mapped[int | None]  # the newest that trains it
    package_task_id: Mapped[int | None]  # the newest that packages it
    last_sequence: Mapped[int]  # of its events, those that were dropped too
    num_rewinds: Mapped[int]  # how often events were dropped
    stop_requested_at: Mapped[float | None]
    created_at: Mapped[float]
    started_at: Mapped[float | None]  # the first time
    finished_at: Mapped[float | None]
    trashed_at: Mapped[float | None]
    outcome: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # the summary of a finished run
    space_id: Mapped[int] = mapped_column(server_default=_HOME)


class RunEvent(OfRun, Base):
    """Something that happened in a run; of dropped events no number is given again."""

    __tablename__ = "run_events"
    __table_args__ = (Index("ix_run_events_kind", "run_id", "kind", "sequence"),)

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    payload: Mapped[dict[str, Any]]
    created_at: Mapped[float]


class RunLook(OfRun, Base):
    """What the closer look at a run followed from that was taken here last, as `core.evaluation.twins` makes it."""

    __tablename__ = "run_looks"

    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True)
    digest: Mapped[str] = mapped_column(index=True)


class SnapshotOrigin(OfSpace, Base):
    """Where a space has a snapshot from: the same content may have been frozen by several, who know nothing of it."""

    __tablename__ = "snapshot_origins"

    snapshot_hash: Mapped[str] = mapped_column(ForeignKey("snapshots.hash", ondelete="CASCADE"), primary_key=True)
    space_id: Mapped[int] = mapped_column(ForeignKey("spaces.id", ondelete="CASCADE"), primary_key=True, index=True)
    dataset_id: Mapped[int | None] = mapped_column(ForeignKey("datasets.id", ondelete="SET NULL"))  # first taken from
    dataset_name: Mapped[str]  # when it was taken
    created_at: Mapped[float]


class ModelOffer(OfSpace, Base):
    """A model that its owner lets others try, read only, with what they said of its answers."""

    __tablename__ = "model_offers"
    __table_args__ = (
        Index("ix_model_offers_run", "run_id", "id"),
        Index("uq_model_offers_token", "token", unique=True),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str]  # what the address holds; it opens nothing to whoever is not let in
    run_id: Mapped[int] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"))
    space_id: Mapped[int] = mapped_column()
    created_at: Mapped[float]
    withdrawn_at: Mapped[float | None]
    num_photos: Mapped[int]  # that others have shown it
    num_right: Mapped[int]  # of which they said that it was right
    num_wrong: Mapped[int]


class Kiosk(OfSpace, Base):
    """A screen on which a network answers whoever walks past; `core.spaces.kiosks` is the only code that changes it."""

    __tablename__ = "kiosks"
    __table_args__ = (
        Index("uq_kiosks_token", "token", unique=True),
        Index("uq_kiosks_network", "space_id", "network", unique=True),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str]  # what the address holds; it opens nothing to whoever is not let in
    space_id: Mapped[int] = mapped_column()
    network: Mapped[str]  # as the address of live answers names it
    run_id: Mapped[int | None] = mapped_column(ForeignKey("runs.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[float]
    setup: Mapped[dict[str, Any]]  # a `KioskSetup` as JSON


class ForeignModel(OfSpace, Base):
    """A model that was trained elsewhere; `core.foreign.library` is the only code that changes it."""

    __tablename__ = "foreign_models"
    __table_args__ = (
        Index(
            "uq_foreign_models_live_name",
            "space_id",
            "name_key",
            unique=True,
            sqlite_where=_NOT_TRASHED,
            postgresql_where=_NOT_TRASHED,
        ),
        UniqueConstraint("source_key"),
        {"sqlite_autoincrement": True},  # the number names the model's folder
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_key: Mapped[str]  # the name as it is compared: case, width and spaces do not count
    origin: Mapped[str]  # which tool or format it comes from
    class_names: Mapped[list[Any]]
    record: Mapped[dict[str, Any]]  # a `ForeignRecord` as JSON
    source_key: Mapped[str]  # under which it was brought: a reading that is tried again makes no second model
    created_at: Mapped[float]
    trashed_at: Mapped[float | None]
    space_id: Mapped[int] = mapped_column()


class SpaceTurn(OfSpace, Base):
    """When a space had its last turn in a lane of workers, so that all take turns; `core.jobs.turns` counts them."""

    __tablename__ = "space_turns"

    space_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)  # 0: tasks that are of no space
    lane: Mapped[str] = mapped_column(primary_key=True)
    turn: Mapped[int]  # a greater one was later; of one lane no two are the same


class Deletion(Base):
    """Spaces that are being deleted for good, or were; nothing here is of those who had them."""

    __tablename__ = "deletions"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    plan: Mapped[dict[str, Any]]  # a `DeletionPlan` as JSON
    requested_at: Mapped[float]
    finished_at: Mapped[float | None]
    receipt: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))  # a `Receipt` as JSON
    dismissed_at: Mapped[float | None]  # when the teacher has put the receipt away


class HandOut(Base):
    """What a teacher gives to pupils: a dataset, models, or both."""

    __tablename__ = "hand_outs"
    __table_args__ = ({"sqlite_autoincrement": True},)

    id: Mapped[int] = mapped_column(primary_key=True)
    classroom_id: Mapped[int] = mapped_column(ForeignKey("classrooms.id", ondelete="CASCADE"), index=True)
    content: Mapped[dict[str, Any]]  # a `HandOutContent` as JSON
    is_for_newcomers: Mapped[bool]  # whether those get it, too, who come in later
    created_at: Mapped[float]


class HandOutCopy(Base):
    """That a pupil has it, or is to have it; written in the transaction that makes the copy."""

    __tablename__ = "hand_out_copies"

    hand_out_id: Mapped[int] = mapped_column(ForeignKey("hand_outs.id", ondelete="CASCADE"), primary_key=True)
    receiver_id: Mapped[int] = mapped_column(ForeignKey("spaces.id", ondelete="CASCADE"), primary_key=True, index=True)
    copied_at: Mapped[float | None]  # None: not yet


class SpaceNotice(Base):
    """What somebody in a space is told of it: that the teacher looks, that it will be deleted."""

    __tablename__ = "space_notices"

    of_space_id: Mapped[int] = mapped_column(ForeignKey("spaces.id", ondelete="CASCADE"), primary_key=True)
    looked_at: Mapped[float | None]  # when the teacher looked last
    warned_at: Mapped[float | None]  # when it was told first that it will be deleted


class PhoneLink(OfDataset, Base):
    """A way for phones into one class of a dataset, for the time of a lesson; `core.phones` is what changes it."""

    __tablename__ = "phone_links"
    __table_args__ = (
        Index("ix_phone_links_dataset", "dataset_id", "id"),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    # SHA-256 of what stands in the link's address alone, 64 hexadecimal digits
    token_hash: Mapped[str] = mapped_column(unique=True)
    space_id: Mapped[int] = mapped_column()
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"))
    class_id: Mapped[int] = mapped_column(ForeignKey("dataset_classes.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[float]
    expires_at: Mapped[float]
    withdrawn_at: Mapped[float | None]
    num_photos: Mapped[int]  # that have come through it, those that were taken back too
    import_id: Mapped[int | None]  # the arrival as which they are told; None: none has come yet


class PhonePhoto(OfDataset, Base):
    """A photo that a phone has sent: one that is sent once more counts once, and its phone alone can take it back."""

    __tablename__ = "phone_photos"

    link_id: Mapped[int] = mapped_column(ForeignKey("phone_links.id", ondelete="CASCADE"), primary_key=True)
    key_hash: Mapped[str] = mapped_column(primary_key=True)  # SHA-256 of a secret that the phone made for it
    dataset_id: Mapped[int] = mapped_column(ForeignKey("datasets.id", ondelete="CASCADE"), index=True)
    image_id: Mapped[int] = mapped_column(ForeignKey("dataset_images.id", ondelete="CASCADE"), index=True)


class ClassifyBatch(OfSpace, Base):
    """Photos that a visitor has put on the classify page; `core.inference.batch_shelf` alone changes it.

    A server holds the batch in memory and writes down here what changes, for another that goes on when it is gone.
    """

    __tablename__ = "classify_batches"

    id: Mapped[str] = mapped_column(primary_key=True)  # as the address of the page has it
    space_id: Mapped[int] = mapped_column()
    owner_hash: Mapped[str]  # SHA-256 of space and secret of the browser whose photos they are
    key_hash: Mapped[str] = mapped_column(index=True)  # SHA-256 of that secret alone, as of `SpaceKey`
    holder: Mapped[str]  # the server that has it in memory
    generation: Mapped[int]  # how often a server took it over
    next_photo_id: Mapped[int]
    num_photos: Mapped[int]
    num_bytes: Mapped[int] = mapped_column(BigInteger)  # of the photos' files
    seen_at: Mapped[float]  # when the visitor was there, to the minute


class ClassifyPhoto(OfBatch, Base):
    """One photo of a batch."""

    __tablename__ = "classify_photos"

    batch_id: Mapped[str] = mapped_column(ForeignKey("classify_batches.id", ondelete="CASCADE"), primary_key=True)
    photo_id: Mapped[int] = mapped_column(primary_key=True)
    content: Mapped[dict[str, Any]]  # a `KeptPhoto` as JSON


class ClassifyAnswer(OfBatch, Base):
    """What one network said to one photo of a batch."""

    __tablename__ = "classify_answers"

    batch_id: Mapped[str] = mapped_column(ForeignKey("classify_batches.id", ondelete="CASCADE"), primary_key=True)
    photo_id: Mapped[int] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(primary_key=True)  # of the network
    content: Mapped[dict[str, Any]]  # a `Classification` as JSON
