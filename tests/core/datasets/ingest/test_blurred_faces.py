"""Where a teacher wants it, faces are blurred before a photo is stored."""

import io
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace

import pytest
import skimage.data
from PIL import Image

from core.datasets.library import Library
from core.datasets.sources.requests import ImportRequest, StagedFiles
from core.faces.detector import FaceDetector
from core.photos.store import PhotoStore
from core.services import Services, open_services
from core.settings import Settings
from core.spaces.classroom import ClassOptions
from tests.core.datasets.import_samples import photo, work


def portrait() -> bytes:
    target = io.BytesIO()
    Image.fromarray(skimage.data.astronaut()).save(target, "JPEG", quality=95)
    return target.getvalue()


@pytest.fixture
def services(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    monkeypatch.setattr("core.jobs.supervisor.Supervisor.start", lambda _: None)  # the test is the worker
    with closing(open_services(replace(settings, access="class"))) as services:
        yield services


def import_into(own: Services, name: str) -> int:
    """Import a portrait and a photo without anybody into a new dataset; its number."""
    dataset_id = own.library.datasets.create(name).id
    folder = own.imports.stage_files([("me.jpg", portrait()), ("plain.jpg", photo(1))])
    own.imports.submit(ImportRequest(dataset_id=dataset_id, source=StagedFiles(folder=folder), target_class="people"))
    work(own.queue, own.settings)
    return dataset_id


def num_faces(library: Library, dataset_id: int, store: PhotoStore) -> int:
    """On the stored photo that was called me.jpg, above the shoulders."""
    (image,) = [each for each in library.images.of(dataset_id) if each.name == "me.jpg"]
    record = library.photos.get([image.photo_hash])[image.photo_hash]
    with Image.open(io.BytesIO(store.read(record.hash, record.suffix))) as stored:
        return sum(face.score > 0.7 for face in FaceDetector().find(stored.convert("RGB")))


def test_what_the_teacher_has_chosen_when_a_photo_comes(services: Services) -> None:
    """Nothing is blurred unless it was chosen; then no face reaches the disk, and the report says what was done."""
    classroom, _ = services.classroom.hold()
    pupil, _ = services.classroom.enter(classroom.id, "Quiet Otter", "tablet")
    own = services.of_space(pupil.id)
    before = import_into(own, "before")
    services.classroom.set_options(classroom.id, ClassOptions(blur_faces=True))
    after = import_into(own, "after")
    assert num_faces(own.library, before, own.photo_store) == 1
    assert num_faces(own.library, after, own.photo_store) == 0
    (view,) = own.library.imports.of(after, limit=10)
    assert "Faces were looked for on 2 photos and blurred on 1." in view.notes[-1]
    (untouched,) = [each for each in own.library.images.of(after) if each.name == "plain.jpg"]
    assert untouched.photo_hash in {each.photo_hash for each in own.library.images.of(before)}


def test_who_is_alone_is_not_asked(services: Services) -> None:
    """At home, photos are stored as they are."""
    classroom, _ = services.classroom.hold()
    services.classroom.set_options(classroom.id, ClassOptions(blur_faces=True))
    home = services.of_space(1)
    assert num_faces(home.library, import_into(home, "mine"), home.photo_store) == 1
