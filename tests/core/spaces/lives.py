"""Spaces with full lives: everything that somebody can have in one, made as pages and workers make it."""

import io
import zipfile
from dataclasses import dataclass, replace

from sqlalchemy import text

from core.datasets.exporting import export_path
from core.datasets.records import ImportState, NewImage, Review, Split, SplitOrigin
from core.datasets.snapshots import take_snapshot
from core.datasets.sources.requests import ImportRequest, StagedFiles
from core.datasets.tasks import CHECK_KIND, EXPORT_KIND
from core.export.formats import FORMATS
from core.foreign.places import model_path
from core.foreign.records import Origin
from core.inference.trained_model import read_model_record
from core.jobs.kinds import Lane
from core.phones.records import SentPhoto
from core.photos.record import PhotoRecord
from core.photos.store import encode_photo
from core.projects.places import project_path
from core.runs.folder import RunFolder
from core.runs.story import EpochStory
from core.services import Services
from core.spaces.kiosks import KioskSetup
from core.storage.db import Database
from core.storage.own_keys import new_key
from core.task_kinds import TASK_KINDS
from tests.core.actions.sounds import wav
from tests.core.export.export_samples import write_export
from tests.core.foreign.foreign_records import FOREIGN_RECORD
from tests.core.projects.project_samples import picture
from tests.core.runs.run_samples import config
from tests.pages.written_runs import Asked, sure_of, write_run

_NUMBERED = (
    "datasets",
    "dataset_classes",
    "dataset_images",
    "dataset_operations",
    "photo_imports",
    "runs",
    "tasks",
    "phone_links",
)
_NUMBERED += ("foreign_models", "model_offers")


_EPOCH = EpochStory(
    epoch=1,
    phase="head",
    loss=0.5,
    accuracy=0.7123,
    validation_loss=0.6,
    validation_accuracy=0.6123,
    learning_rate=0.001,
    seconds=1.0,
    photos_per_second=9.0,
    best_epoch=1,
)


@dataclass(frozen=True, kw_only=True)
class Life:
    """What is in a space, by the numbers and names that a stranger could try."""

    word: str  # in every name and text of it, and nowhere else
    dataset_id: int
    trashed_dataset_id: int
    class_ids: tuple[int, ...]
    image_ids: tuple[int, ...]
    hashes: tuple[str, ...]
    photos: tuple[PhotoRecord, ...]
    operation_id: int
    import_id: int  # stopped at a question
    done_import_id: int
    work_id: str
    staging_id: str  # of an upload that nobody has imported yet
    run_id: int  # done, with files, an examination asked for, and an export
    queued_run_id: int
    trashed_run_id: int
    snapshot_hash: str
    race: str
    fingerprint: str
    task_id: int  # waits
    running_task_id: int
    worker_id: str
    keys: tuple[str, ...]  # of tasks
    source_key: str  # of a project that has arrived
    project_file: str
    dataset_name: str
    dataset_made_at: float
    run_name: str
    foreign_id: int  # a model from elsewhere
    trashed_foreign_id: int
    foreign_name: str
    brought_key: str  # under which it was brought
    foreign_key: str  # of files that are waiting to be read
    offer_token: str
    kiosk_network: str  # that is on a screen
    kiosk_token: str
    action_class: str  # of the run, at which something is heard
    action_file: str
    link_id: int  # of a phone into the first class
    photo_key: str  # of what a phone has sent by it


def number_from(first: int, database: Database) -> None:
    """Give what is made from now on numbers that stand out: a thousand for each table."""
    with database.session() as session:
        for place, table in enumerate(_NUMBERED):
            session.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), {"name": table})
            session.execute(
                text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)"),
                {"name": table, "seq": first + 1_000 * place},
            )


def live(services: Services, word: str, *, first_photo: int, worker_id: str) -> Life:
    """Fill a space.

    Args:
        services: of the space.
        word: to be in every name.
        first_photo: number of the first of eight photos that it has, see `picture`.
        worker_id: of the worker that has one of its tasks.
    """
    library, queue = services.library, services.queue
    class_names = (f"{word} crow", f"{word} blue tit")
    dataset = library.datasets.create(f"{word} birds", class_names)
    stored = [encode_photo(picture(first_photo + number), f"{number}") for number in range(8)]
    for photo in stored:
        services.photo_store.put(photo)
    splits = [Split.TRAIN, Split.TRAIN, Split.TRAIN, Split.TRAIN, Split.VALIDATION, Split.TEST, Split.TEST, None]
    image_ids = library.images.add(
        dataset.id,
        [
            NewImage(
                photo=photo.record,
                class_name=class_names[number % 2],
                name=f"{word} {number}.jpg",
                split=split,
                split_origin=None if split is None else SplitOrigin.PERSON,
                capture=f"{word} burst" if number < 2 else None,
                source_url=f"https://example.org/{word}",
            )
            for number, (photo, split) in enumerate(zip(stored, splits, strict=True))
        ],
    )
    hashes = [photo.record.hash for photo in stored]
    class_ids = [found.id for found in library.classes.of(dataset.id)]
    library.images.set_review(image_ids[:1], Review.RIGHT)
    library.images.trash(image_ids[7:])
    library.classes.rename(class_ids[0], f"{word} raven")
    finding = {"key": f"{word} finding", "title": word}
    library.checks.save(dataset.id, library.datasets.get(dataset.id).revision, [finding])
    library.checks.dismiss(dataset.id, [f"{word} dismissed"])
    library.checks.save_pairs({(min(hashes[:2]), max(hashes[:2])): 0.97})
    trashed_dataset = library.datasets.create(f"{word} old", (f"{word} gone",))
    library.datasets.delete(trashed_dataset.id)

    staging_id, other_staging = (services.imports.stage_files([(f"{word}/1.jpg", picture(first_photo))]) for _ in "ab")
    import_id, done_import_id = (
        services.imports.submit(
            ImportRequest(dataset_id=dataset.id, source=StagedFiles(folder=folder), title=f"{word} import")
        )
        for folder in (other_staging, services.imports.stage_files([(f"{word}/2.jpg", picture(first_photo))]))
    )
    refused = [(f"{word} notes.txt", f"{word} is no photo.")]
    library.imports.finish(
        import_id, state=ImportState.QUESTION, refused=refused, num_refused=1, question={"about": word}
    )
    library.images.add(dataset.id, [], import_id=done_import_id)
    library.imports.finish(done_import_id, state=ImportState.DONE, refused=refused, num_refused=1, notes=[word])

    run = write_run(services, dataset.id, _asked(), name=f"{word} run")
    services.runs.set_note(run.id, f"{word} note")
    services.runs.append_events(
        run.id, [("note", {"text": f"{word} device", "is_warning": False}), ("epoch", _EPOCH.to_json())]
    )
    folder = RunFolder(services.settings, run.id)
    environment = {"bluetit": "1", "packages": {}, "seed": 7, "device": f"{word} computer"}
    folder.write_json(folder.environment_path, environment)
    for path in (folder.keras_path, folder.litert_path, folder.labels_path, folder.log_path):
        path.write_text(f"{word} file")
    write_export(folder, content=_zip(word), title=run.name)
    trashed = write_run(services, dataset.id, _asked(), name=f"{word} bad run")
    services.runs.trash(trashed.id)
    snapshot_hash = take_snapshot(services.database, dataset.id).hash
    race = f"{word} race"
    queued = services.run_desk.submit(config(snapshot_hash), name=f"{word} next run", dataset_id=dataset.id, race=race)
    services.run_desk.request_packaging(run.id)
    services.run_desk.request_examination(run.id)
    services.exports.request(run.id, FORMATS[0].name)

    view = library.datasets.get(dataset.id)
    task_id = services.dataset_tasks.request(EXPORT_KIND, dataset.id)
    services.dataset_tasks.request(CHECK_KIND, dataset.id)
    services.projects.request_writing(view, [run.id])
    project_file = services.projects.file_name(view, [run.id])
    for path in (export_path(services.settings, view), project_path(services.settings, project_file)):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_zip(word))
    content = _zip(word)
    source = services.projects.receive(f"{word}.bluetit", io.BytesIO(content), len(content))
    services.projects.request_reading(source)

    queue.register_worker(worker_id, pid=1, host="here", lane=Lane.PHOTOS)
    claimed = queue.claim(worker_id, [CHECK_KIND])
    assert claimed is not None
    queue.append_event(claimed.id, worker_id, kind="progress", payload={"fraction": 0.5, "message": f"{word} half"})
    queue.append_event(claimed.id, worker_id, kind="message", payload={"text": f"{word} message"})
    queue.append_event(claimed.id, worker_id, kind="result", payload={"words": f"{word} result"})
    queue.request_cancel(claimed.id)
    brought_key = new_key(services.space_id)
    foreign_id, trashed_foreign_id = (_bring(services, word, key) for key in (brought_key, new_key(services.space_id)))
    services.foreign.trash(trashed_foreign_id)
    arrived = services.foreign_desk.receive([(f"{word}.tflite", io.BytesIO(content), len(content))])
    services.foreign_desk.request_reading(arrived)
    offer = services.offers.offer(run.id)
    kiosk = services.kiosks.put_up(f"model:{run.id}", KioskSetup(title=f"{word} screen"), run_id=run.id)
    action_class = run_classes(folder)[0]
    services.actions.put_sound(run.id, action_class, wav(len(word) + first_photo))
    services.actions.choose(
        run.id, action_class, replace(services.actions.of_run(run.id).by_class[action_class], words=f"{word} says")
    )
    (action_file,) = services.actions.of_run(run.id).files
    link = services.phone_links.open(class_ids[0])
    photo_key = f"{word} phone"
    services.phone_photos.add(link.id, SentPhoto(data=picture(first_photo + 8), key=photo_key, burst=None))
    latest = library.history.latest(dataset.id)[0]
    keys = tuple(str(task.key) for task in queue.list_tasks(50) if task.key and not TASK_KINDS[task.kind].is_shared)
    return Life(
        word=word,
        dataset_id=dataset.id,
        trashed_dataset_id=trashed_dataset.id,
        class_ids=tuple(class_ids),
        image_ids=tuple(image_ids),
        hashes=tuple(hashes),
        photos=tuple(photo.record for photo in stored),
        operation_id=latest.id,
        import_id=import_id,
        done_import_id=done_import_id,
        work_id=str(library.imports.get(done_import_id).request["work_id"]),
        staging_id=staging_id,
        run_id=run.id,
        queued_run_id=queued.id,
        trashed_run_id=trashed.id,
        snapshot_hash=snapshot_hash,
        race=race,
        fingerprint="ab" * 8,
        task_id=task_id,
        running_task_id=claimed.id,
        worker_id=worker_id,
        keys=keys,
        source_key=source.key,
        project_file=project_file,
        dataset_name=dataset.name,
        dataset_made_at=dataset.created_at,
        run_name=run.name,
        foreign_id=foreign_id,
        trashed_foreign_id=trashed_foreign_id,
        foreign_name=services.foreign.get(foreign_id).name,
        brought_key=brought_key,
        foreign_key=arrived.key,
        offer_token=offer.token,
        kiosk_network=kiosk.network,
        kiosk_token=kiosk.token,
        action_class=action_class,
        action_file=action_file,
        link_id=link.id,
        photo_key=photo_key,
    )


def nobodys(life: Life) -> Life:
    """What a stranger could try as well, and nobody has: as many numbers and names of the same kinds."""
    numbers = {
        name: 930_000 + place
        for place, (name, value) in enumerate(_fields(life).items())
        if isinstance(value, int) and not isinstance(value, bool)
    }
    hashes = tuple(f"{place:02x}" * 32 for place in range(len(life.hashes)))
    return replace(
        life,
        **numbers,
        word="Nobody-0000",
        class_ids=tuple(940_000 + place for place in range(len(life.class_ids))),
        image_ids=tuple(950_000 + place for place in range(len(life.image_ids))),
        hashes=hashes,
        photos=tuple(replace(photo, hash=each) for photo, each in zip(life.photos, hashes, strict=True)),
        work_id="0" * 32,
        staging_id="1" * 32,
        source_key="2" * 32,
        snapshot_hash="fe" * 32,
        race="Nobody-0000 race",
        fingerprint="cd" * 8,
        worker_id="nobody",
        keys=tuple(f"none:{960_000 + place}" for place in range(len(life.keys))),
        project_file=f"930000-5a-{'-'.join(life.project_file.split('-')[2:])}",
        dataset_name="Nobody-0000 birds",
        run_name="Nobody-0000 run",
        foreign_name="Nobody-0000 model",
        brought_key="3" * 32,
        foreign_key="4" * 32,
        offer_token="N" * len(life.offer_token),
        kiosk_network=f"model:{numbers['run_id']}",
        kiosk_token="5" * 32,
        action_class="Nobody-0000 crow",
        action_file=f"action-{'6' * 64}.wav",
        photo_key="Nobody-0000 phone",
    )


def run_classes(folder: RunFolder) -> tuple[str, ...]:
    """The classes of a run's model."""
    return read_model_record(folder).class_names


def _fields(life: Life) -> dict[str, object]:
    return {name: getattr(life, name) for name in Life.__dataclass_fields__}


def _asked() -> list[Asked]:
    return [
        Asked(number=number, class_index=number % 2, probabilities=sure_of(number % 2), split=split)
        for number, split in ((4, Split.VALIDATION), (5, Split.TEST), (6, Split.TEST))
    ]


def _bring(services: Services, word: str, key: str) -> int:
    def place(model_id: int) -> None:
        path = model_path(services.settings, model_id)
        path.parent.mkdir(parents=True)
        path.write_text(f"{word} model")

    names = (f"{word} one", f"{word} two")
    name = f"{word} model"
    return services.foreign.add(
        FOREIGN_RECORD, key=key, name=name, origin=Origin.KERAS, class_names=names, place=place
    ).id


def _zip(word: str) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("inside.txt", word)
    return target.getvalue()
