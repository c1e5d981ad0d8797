"""From files as people have them to classes, splits and a report, through the real import."""

import io
import json
import tarfile
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from core.datasets.ingest.desk import ImportDesk, ImportStatus
from core.datasets.library import Library
from core.datasets.pile import PILE_NAME
from core.datasets.readings.question import PlanAnswer, PlanQuestion
from core.datasets.records import ImportState, Review
from core.datasets.sources.requests import ImportRequest, ServerFolder, StagedArchive, StagedFiles
from core.errors import ConfigError
from core.jobs.queue import TaskQueue
from core.jobs.supervisor import Supervisor
from core.settings import Settings
from core.storage.db import Database
from core.task_kinds import TASK_KINDS, TASK_KINDS_PATH
from tests.core.datasets.import_samples import photo, work, write_files, zip_of


@pytest.fixture
def queue(database: Database) -> TaskQueue:
    return TaskQueue(database, TASK_KINDS)


@pytest.fixture
def desk(settings: Settings, library: Library, queue: TaskQueue) -> ImportDesk:
    return ImportDesk(settings, library, queue, Supervisor(settings, queue, kinds=TASK_KINDS_PATH))


@pytest.fixture
def dataset_id(library: Library) -> int:
    return library.datasets.create("pets").id


Bring = Callable[..., ImportStatus]


@pytest.fixture
def bring(desk: ImportDesk, queue: TaskQueue, settings: Settings, dataset_id: int) -> Bring:
    """Imports archives that were given at once; the person accepts what is proposed if asked to."""

    def bring(archives: Mapping[str, bytes], *, accept: bool = True, **values: object) -> ImportStatus:
        source = StagedArchive(folder=desk.stage_files(archives.items()))
        title = next(iter(archives)) if len(archives) == 1 else "archives"
        request = ImportRequest(dataset_id=dataset_id, source=source, title=title, **values)  # type: ignore[arg-type]
        import_id = desk.submit(request)
        work(queue, settings)
        status = desk.status(import_id)
        if accept and status.view.state is ImportState.QUESTION:
            question = PlanQuestion.from_json(json.loads(json.dumps(status.view.question)))
            desk.answer(import_id, question.suggested_answer.to_json())
            work(queue, settings)
            status = desk.status(import_id)
        return status

    return bring


def counts(library: Library, dataset_id: int) -> dict[str, int]:
    names = {found.id: found.name for found in library.classes.of(dataset_id)}
    return dict(Counter(names[image.class_id] for image in library.images.of(dataset_id)))


def splits(library: Library, dataset_id: int) -> dict[str | None, int]:
    return dict(Counter(image.split for image in library.images.of(dataset_id)))


def many(*paths: str) -> dict[str, bytes]:
    return {path: photo(number) for number, path in enumerate(paths)}


CATS_AND_DOGS = many(*(f"{name}.{number}.jpg" for name in ("cat", "dog") for number in range(4)))


def test_nothing_comes_in_before_the_person_has_decided(bring: Bring, library: Library, dataset_id: int) -> None:
    """Classes in files' names, packed in archives in an archive: asked first, imported then, the others reported."""
    packed = {"train.zip": zip_of(CATS_AND_DOGS), "test1.zip": zip_of(many("1.jpg", "2.jpg", "3.jpg"))}
    archive = zip_of(packed | {"sampleSubmission.csv": b"id,label\n1,0\n"})
    asked = bring({"dogs-vs-cats.zip": archive}, accept=False)
    assert asked.view.state is ImportState.QUESTION
    assert counts(library, dataset_id) == {}
    status = bring({"dogs-vs-cats.zip": archive})
    assert counts(library, dataset_id) == {"cat": 4, "dog": 4}
    assert splits(library, dataset_id) == {"train": 8}
    assert (status.view.num_accepted, status.view.num_refused) == (8, 3)
    assert any("names" in note for note in status.view.notes)
    assert "1 file that is no photo was passed over: 1 .csv." in status.view.notes


def test_a_table_is_used_and_named(bring: Bring, library: Library, dataset_id: int) -> None:
    """Labels beside photos with made-up names; the report says which columns were used."""
    names = [f"{number:08x}" for number in range(9)]
    table = "id,breed\n" + "".join(f"{name},{('beagle', 'boxer', 'collie')[n % 3]}\n" for n, name in enumerate(names))
    files = many(*(f"train/{name}.jpg" for name in names), "test/zz.jpg") | {"labels.csv": table.encode()}
    status = bring({"dogs.zip": zip_of(files)})
    assert counts(library, dataset_id) == {"beagle": 3, "boxer": 3, "collie": 3}
    assert any("“breed” its class" in note for note in status.view.notes)
    assert status.view.refused == (("test/zz.jpg", "labels.csv does not say which class it is of."),)


def test_a_shard_of_webdataset(bring: Bring, library: Library, dataset_id: int) -> None:
    """Files beside each photo name its class, and are no broken photos."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        for number in range(8):
            for ending, content in ((".jpg", photo(number)), (".cls", str(number % 2).encode())):
                member = tarfile.TarInfo(f"{number:06}{ending}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))
    status = bring({"shard-000000.tar": target.getvalue()})
    assert counts(library, dataset_id) == {"0": 4, "1": 4}
    assert status.view.num_refused == 0


def test_parts_of_one_download_and_samples_of_classes(bring: Bring, library: Library, dataset_id: int) -> None:
    """Parts are joined; archives that are classes keep their names whole."""
    stem = "Insects-20240501T101010Z"
    bring({f"{stem}-001.zip": zip_of(many("Insects/ant/1.jpg")), f"{stem}-002.zip": zip_of(many("Insects/bee/2.jpg"))})
    bring({f"{name}-samples.zip": zip_of({"0.jpg": photo(n)}) for n, name in enumerate(("St. Bernard", "Class 3"))})
    assert counts(library, dataset_id) == {"ant": 1, "bee": 1, "St. Bernard": 1, "Class 3": 1}


def test_a_data_set_that_contains_itself_comes_in_once(bring: Bring, library: Library, dataset_id: int) -> None:
    """The same photo under the same name in the same class is added once, and the report says so; others stay."""
    inner = many("cells/a/1.png", "cells/b/2.png")
    again = {f"cells/{path}": content for path, content in inner.items()}
    again["cells/cells/a/extra.png"] = photo(9)
    again["cells/cells/b/1 copy.png"] = inner["cells/b/2.png"]
    status = bring({"cells.zip": zip_of(inner | again)})
    assert counts(library, dataset_id) == {"a": 2, "b": 2}
    assert any("2 photos came twice" in note for note in status.view.notes)


def test_a_model_is_refused_and_leaves_no_dataset(bring: Bring, library: Library, dataset_id: int) -> None:
    """Nobody has asked for an empty dataset; one that a person made stays."""
    model = zip_of({"keras_model.h5": b"\x89HDF", "labels.txt": b"0 cat\n1 dog\n"})
    status = bring({"converted_keras.zip": model}, is_new_dataset=True)
    assert status.view.state is ImportState.FAILED
    assert "model" in (status.error or "")
    assert library.datasets.all() == []
    assert library.datasets.get(dataset_id).name == "pets"
    library.classes.create(dataset_id, "cat")
    assert [dataset.id for dataset in library.datasets.all()] == [dataset_id]
    assert not library.datasets.discard_if_vacant(dataset_id)


def test_a_vacant_dataset_can_be_discarded_and_one_with_photos_cannot(
    bring: Bring, library: Library, dataset_id: int
) -> None:
    """Only what nothing has come into goes for good."""
    bring({"a.zip": zip_of(many("cat/1.jpg", "dog/2.jpg"))}, is_new_dataset=True)
    assert not library.datasets.discard_if_vacant(dataset_id)
    other = library.datasets.create("other").id
    library.imports.finish(
        library.imports.create(other, {"is_new_dataset": True}), state=ImportState.CANCELLED, refused=[], num_refused=0
    )
    assert [dataset.id for dataset in library.datasets.all()] == [dataset_id]
    assert library.datasets.discard_if_vacant(other)


def test_all_files_are_accounted_for(bring: Bring, library: Library, dataset_id: int) -> None:
    """Given is taken, refused, passed over and left out as service files, together."""
    files = many("set/cat/1.jpg", "set/dog/2.jpg", "set/loose.jpg") | {
        "set/cat/broken.jpg": b"\xff\xd8\xff",
        "set/README.md": b"#",
        "set/Thumbs.db": b"\xd0",
        "__MACOSX/set/cat/._1.jpg": b"\0",
    }
    view = bring({"set.zip": zip_of(files)}).view
    text = "\n".join(view.notes)
    assert (view.num_accepted, view.num_refused) == (2, 2)
    assert "1 file that is no photo was passed over" in text
    assert "2 files" in text
    assert "Thumbs.db" in text


def test_what_may_hold_pictures_is_named(bring: Bring) -> None:
    """Videos, documents and drawings among photos are told by kind, with the way to use what is in them."""
    beside = ("a.mp4", "b.mov", "c.pdf", "d.svg", "e.npy", "f.xmp")
    view = bring({"set.zip": zip_of(many("cat/1.jpg", "dog/2.jpg") | {f"cat/{name}": b"x" for name in beside})}).view
    (note,) = view.notes
    assert note.startswith(
        "6 files that are no photos were passed over: 2 videos, 1 PDF document, 1 SVG drawing, 1 array"
    )
    assert note.endswith("save it as JPEG or PNG and add that.")
    assert view.num_accepted == 2


def test_names_are_read_as_the_person_says(
    bring: Bring, desk: ImportDesk, queue: TaskQueue, library: Library, dataset_id: int, settings: Settings
) -> None:
    """Another character set is chosen while the question is open; the import looks again and reads the names so."""
    files = many("Cat/1.jpg", "cat/2.jpg", "B__r/3.jpg")
    archive = zip_of(files).replace(b"B__r", "Bär".encode("cp437").ljust(4, b"x"))
    status = bring({"a.zip": archive}, accept=False)
    assert status.view.state is ImportState.QUESTION
    with pytest.raises(ConfigError, match="character set"):
        desk.ask_again(status.view.id, "latin-9000")
    desk.ask_again(status.view.id, "cp1251")
    work(queue, settings)
    question = PlanQuestion.from_json(desk.status(status.view.id).view.question or {})
    desk.answer(status.view.id, question.suggested_answer.to_json())
    work(queue, settings)
    assert set(counts(library, dataset_id)) == {"Cat", b"B\x84rx".decode("cp1251")}


def test_files_of_a_folder_are_planned_like_an_archive(
    desk: ImportDesk, queue: TaskQueue, settings: Settings, library: Library, dataset_id: int
) -> None:
    """What a browser sends of a folder goes the same way."""
    folder = desk.stage_files((f"pets/{name}", content) for name, content in CATS_AND_DOGS.items())
    request = ImportRequest(dataset_id=dataset_id, source=StagedFiles(folder=folder), title="pets")
    import_id = desk.submit(request)
    work(queue, settings)
    desk.answer(import_id, PlanAnswer(reading="file names", class_map={"cat": "feline"}).to_json())
    work(queue, settings)
    assert counts(library, dataset_id) == {"feline": 4, "dog": 4}


@pytest.mark.parametrize("way", ["zip", "folder", "folder of the server"])
def test_photos_that_nobody_has_sorted_come_onto_the_pile(
    way: str, queue: TaskQueue, settings: Settings, library: Library, dataset_id: int, tmp_path: Path
) -> None:
    """Beside classes and splits, whichever way they come; nothing learns from them, and the report says so."""
    files = many("pets/train/cat/1.jpg", "pets/train/dog/2.jpg", "pets/test/cat/3.jpg", "pets/Unlabelled/4.jpg")
    settings = replace(settings, import_dirs=(str(tmp_path),))
    desk = ImportDesk(settings, library, queue, Supervisor(settings, queue, kinds=TASK_KINDS_PATH))
    source: StagedArchive | StagedFiles | ServerFolder
    if way == "zip":
        source = StagedArchive(folder=desk.stage_files({"pets.zip": zip_of(files)}.items()))
    elif way == "folder":
        source = StagedFiles(folder=desk.stage_files(files.items()))
    else:
        write_files(tmp_path, files)
        source = ServerFolder(path="pets")
    import_id = desk.submit(ImportRequest(dataset_id=dataset_id, source=source, title="pets"))
    work(queue, settings)
    view = desk.status(import_id).view
    assert (view.state, view.num_accepted, view.num_refused) == (ImportState.DONE, 4, 0)
    assert counts(library, dataset_id) == {"cat": 2, "dog": 1, PILE_NAME: 1}
    (piled,) = [image for image in library.images.of(dataset_id) if image.review is not None]
    assert (piled.name, piled.review, piled.split) == ("4.jpg", Review.UNSURE, None)
    assert any(note.startswith("1 photo from “Unlabelled” waits in the class “to sort”") for note in view.notes)
