"""A class whose teacher and pupils have photos and models, and workers' tasks done in the test's own process."""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
from PIL import Image

from core.datasets.library import Library
from core.datasets.records import NewImage, Split
from core.datasets.snapshots import take_snapshot
from core.features.cache import FeatureCache
from core.jobs.context import TaskContext
from core.jobs.handlers import resolve_handler
from core.jobs.kinds import find_kind
from core.jobs.status import TaskStatus
from core.jobs.supervisor import Supervisor
from core.photos.store import PhotoStore, encode_photo
from core.recipes import RECIPES
from core.runs.begin import NO_SNAPSHOT
from core.runs.folder import RunFolder
from core.runs.records import RunView
from core.services import Services, open_services
from core.settings import Settings
from core.spaces.classroom import ClassroomView
from core.spaces.records import SpaceView
from tests.pages.written_runs import Asked, outcome_of, sure_of

CLASSES = ("crow", "blue tit")
NAMES = ("Quiet Otter", "Brave Heron", "Swift Fox", "Tidy Mole")


@dataclass(frozen=True, kw_only=True)
class Class:
    """A class that is held."""

    services: Services  # of everybody
    classroom: ClassroomView
    teacher: SpaceView
    pupils: Sequence[SpaceView]

    def of(self, space: SpaceView) -> Services:
        return self.services.of_space(space.id)


@contextmanager
def held_class(settings: Settings, *, num_pupils: int = 2) -> Iterator[Class]:
    """A class with pupils who have nothing yet; no worker is started."""
    begin, Supervisor.start = Supervisor.start, lambda _: None  # type: ignore[method-assign]
    try:
        services = open_services(replace(settings, access="class"))
    finally:
        Supervisor.start = begin  # type: ignore[method-assign]
    try:
        classroom, password = services.classroom.hold()
        teacher = services.classroom.enter_as_teacher(classroom.id, password, "teacher's browser")
        pupils = [services.classroom.enter(classroom.id, name, f"browser of {name}")[0] for name in NAMES[:num_pupils]]
        yield Class(services=services, classroom=classroom, teacher=teacher, pupils=pupils)
    finally:
        services.close()


def picture(number: int) -> bytes:
    """A photo that no other number gives."""
    pixels = np.random.default_rng(number).integers(0, 255, (96, 128, 3), dtype=np.uint8)
    target = io.BytesIO()
    Image.fromarray(pixels).save(target, "JPEG")
    return target.getvalue()


def collect(services: Services, numbers: range, *, name: str = "Birds") -> int:
    """A dataset of such photos, half of them in each class, some of them held back."""
    library, settings = Library(services.database), services.settings
    dataset_id = library.datasets.create(library.datasets.free_name(name), CLASSES).id
    images = []
    for number in numbers:
        photo = encode_photo(picture(number), f"{number}")
        PhotoStore.of(settings).put(photo)
        split = Split.TEST if number % 4 < 2 else Split.TRAIN
        called = f"IMG secret {number}.jpg"
        images.append(NewImage(photo=photo.record, class_name=CLASSES[number % 2], name=called, split=split))
    library.images.add(dataset_id, images)
    services.photo_store.thumbnail(images[0].photo, 160)
    FeatureCache(settings).put("f" * 16, "crop", {each.photo.hash: np.ones(8, np.float32) for each in images})
    return dataset_id


def learn(services: Services, dataset_id: int, *, name: str = "Mine") -> RunView:
    """A run of a dataset that is done: one of two held back photos was told right."""
    snapshot = take_snapshot(services.database, dataset_id)
    recipe = RECIPES["quick"].config(NO_SNAPSHOT, backbone="EfficientNetLite0", num_layers=141)
    config = replace(recipe, snapshot=snapshot.hash)
    view = services.runs.create_run(config, name=name, recipe="quick", dataset_id=dataset_id)
    folder = RunFolder(services.settings, view.id)
    folder.create()
    held_back = [image for image in snapshot.images if image.split is Split.TEST]
    asked = [
        Asked(number=number, class_index=each.class_index, probabilities=sure_of(number % 2))
        for number, each in enumerate(held_back)
    ]
    arrays = {
        "validation_hashes": np.array([], dtype="U64"),
        "validation_classes": np.array([], np.int64),
        "validation_probabilities": np.zeros((0, 2), np.float32),
        "test_hashes": np.array([each.photo_hash for each in held_back], dtype="U64"),
        "test_classes": np.array([each.class_index for each in held_back], np.int64),
        "test_probabilities": np.array([each.probabilities for each in asked], np.float32),
    }
    np.savez(folder.predictions_path, **arrays)
    np.savez(folder.head_path, kernel=np.ones((4, 2), np.float32))
    folder.write_json(folder.report_path, {"class_names": list(snapshot.class_names)})
    folder.write_json(folder.snapshot_path, [each.photo_hash for each in snapshot.images])
    services.runs.set_started(view.id)
    services.runs.append_events(view.id, [("note", {"text": "Device: CPU", "is_warning": False})])
    services.runs.set_finished(view.id, outcome_of(asked, len(snapshot.class_names)).to_json())
    return services.runs.get_run(view.id)


def perform(services: Services, kind: str) -> TaskStatus:
    """Do the oldest task of a kind that waits, as a worker does it; how it ended."""
    queue = services.queue
    queue.register_worker("w", pid=0, host="", lane=find_kind(kind, queue.kinds).lane)
    task = queue.claim("w", [kind])
    assert task is not None
    context = TaskContext(queue.of_space(task.space_id), services.settings, task)
    try:
        resolve_handler(find_kind(task.kind, queue.kinds))(context)
    finally:
        context.flush()
    queue.finish(task.id, "w", status=TaskStatus.DONE)
    context.end(is_done=True)
    return queue.get(task.id).status


def photo_bytes(services: Services) -> dict[str, bytes]:
    """The stored photos of a space, by hash."""
    library = services.library
    hashes = {image.photo_hash for dataset in library.datasets.all() for image in library.images.of(dataset.id)}
    photos = library.photos.get(hashes)
    return {photo_hash: services.photo_store.read(photo_hash, photo.suffix) for photo_hash, photo in photos.items()}


def places_of(settings: Settings, needles: Sequence[bytes]) -> list[str]:
    """Files of the workspace that have any of these bytes."""
    files = [path for path in settings.workspace_dir.rglob("*") if path.is_file()]
    return sorted(
        path.relative_to(settings.workspace_dir).as_posix()
        for path in files
        if any(needle in content for content in [path.read_bytes()] for needle in needles)
    )
