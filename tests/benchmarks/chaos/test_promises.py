"""A workspace in which everything is as it was promised has nothing broken; whatever is changed behind its back is."""

import json
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from copy import copy, deepcopy
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.chaos.actions import ACTIONS
from benchmarks.chaos.bound import Bound, painted
from benchmarks.chaos.comparing import PhotoFiles, compare, photos_in, unneeded_photos, unowned_files
from benchmarks.chaos.journal import Action, Journal, JournalReader
from benchmarks.chaos.promises import Promises
from benchmarks.chaos.seen import faults_of, look
from benchmarks.chaos.visitor import bind
from core.datasets.ingest.importing import run_import_task
from core.datasets.sources.requests import ImportRequest, StagedFiles
from core.errors import BluetitError
from core.jobs.context import TaskContext
from core.jobs.kinds import Lane
from core.jobs.status import TaskStatus
from core.settings import Settings
from core.spaces.records import SpaceKind
from core.spaces.registry import SpaceRegistry
from core.storage.db import open_database

NUM_ACTIONS = 60
# Without a worker nothing is trained or exported; imports are done at once.
NAMES = ("create", "duplicate", "delete", "purge", "import_photos", "edit", "restore", "rename", "undo")


class House:
    """Two spaces in which somebody has acted, and what they were told."""

    def __init__(self, settings: Settings, folder: Path, seed: int) -> None:
        """In a folder that has none of them yet."""
        (folder / "imports").mkdir(parents=True)
        self.settings = replace(settings, workspace_dir=folder, import_dirs=(str(folder / "imports"),))
        self.database = open_database(self.settings)
        spaces = SpaceRegistry(self.database)
        self.space_ids = (spaces.home().id, spaces.create(SpaceKind.PUPIL, "Quiet Otter").id)
        self.bound = {each: bind(self.settings, self.database, each) for each in self.space_ids}
        self.readers = [JournalReader(folder / f"journal-{each}", each) for each in self.space_ids]
        self.promises = Promises()
        self._journals = {each: Journal(folder / f"journal-{each}") for each in self.space_ids}
        self._chance = random.Random(seed)
        for each in self.space_ids:
            self.bound[each].queue.register_worker(f"w{each}", pid=1, host="elsewhere", lane=Lane.PHOTOS)

    def act(self) -> None:
        """One visitor does one thing."""
        space_id = self._chance.choice(self.space_ids)
        acts = {each.__name__: (each, weight) for each, weight in ACTIONS.items()}
        (name,) = self._chance.choices(NAMES, [acts[each][1] for each in NAMES])
        asked = acts[name][0](self.bound[space_id], self._chance)
        if asked is None:
            return
        action = self._journals[space_id].begin(asked.kind, asked.told)
        try:
            self._journals[space_id].end(action, asked.do())
        except BluetitError as exc:
            self._journals[space_id].refuse(action, str(exc))
        if asked.kind == "import":
            self._import(self.bound[space_id])

    def _import(self, bound: Bound) -> None:
        worker_id = f"w{bound.space_id}"
        task = bound.queue.claim(worker_id, ["import_photos"])
        assert task is not None
        run_import_task(TaskContext(bound.queue, self.settings, task))
        bound.queue.finish(task.id, worker_id, status=TaskStatus.DONE)

    def broken(self) -> list[str]:
        """What is not as it was promised."""
        actions = [action for reader in self.readers for action in reader.read_on()]
        seen = look(self.settings.database_path)
        return [
            *self.promises.play(actions, seen),
            *compare(self.promises, seen),
            *PhotoFiles(self.settings.photos_path).compare(seen),
            *faults_of(self.settings.database_path),
        ]

    def change(self, statement: str) -> None:
        """Change rows behind everybody's back."""
        with closing(sqlite3.connect(self.settings.database_path)) as database, database:
            assert database.execute(statement).rowcount > 0


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Made once; tests change copies of it."""
    house = House(Settings(), tmp_path_factory.mktemp("chaos") / "original", 3)
    with closing(house.database):
        while house.promises.num_undone < 2 or house.promises.num_photos < 40 or house.promises.num_edits < 5:
            house.act()
            assert house.broken() == []
        yield house


@pytest.fixture
def house(original: House, tmp_path: Path) -> Iterator[House]:
    copied = copy(original)
    shutil.copytree(original.settings.workspace_dir, tmp_path / "copy")
    copied.settings = replace(original.settings, workspace_dir=tmp_path / "copy")
    copied.promises = deepcopy(original.promises)
    copied.database = open_database(copied.settings)
    copied.bound = {each: bind(copied.settings, copied.database, each) for each in copied.space_ids}
    with closing(copied.database):
        yield copied


@pytest.mark.parametrize("seed", range(3))
def test_what_is_done_is_as_it_was_promised(settings: Settings, tmp_path: Path, seed: int):
    """Whatever visitors do, played on the model, gives what the database holds."""
    house = House(settings, tmp_path / "house", seed)
    with closing(house.database):
        for number in range(NUM_ACTIONS):
            house.act()
            if number % 7 == 0:  # several at once, too
                assert house.broken() == []
        assert house.broken() == []
    assert house.promises.num_edits > 0
    assert house.promises.num_photos > 0


IN_USE = "(SELECT MIN(i.id) FROM dataset_images i JOIN datasets d ON d.id = i.dataset_id)"
STRAY = (
    "INSERT INTO dataset_images (dataset_id, class_id, photo_hash, name, added_at) "
    "SELECT dataset_id, class_id, photo_hash, 'stray.jpg', 0 FROM dataset_images LIMIT 1"
)
CHANGES = {
    "a photo's row": (f"DELETE FROM dataset_images WHERE id = {IN_USE}", "are gone"),
    "a label": (
        "UPDATE dataset_images SET class_id = (SELECT MAX(id) FROM dataset_classes WHERE class_id <> id) "
        f"WHERE id = {IN_USE}",
        "is Photo",
    ),
    "a split": (f"UPDATE dataset_images SET split = NULL WHERE id = {IN_USE}", "split=None"),
    "an undo step": ("DELETE FROM dataset_operations WHERE undone_at IS NULL", "can be undone no more"),
    "an undone step": ("UPDATE dataset_operations SET undone_at = NULL", "is not undone"),
    "a photo too many": (STRAY, "never came whole"),
    "another space": ("UPDATE datasets SET space_id = 99 WHERE trashed_at IS NULL", "is in space 99"),
    "an import": ("UPDATE photo_imports SET state = 'failed' WHERE state = 'done'", "is failed"),
    "half an import": ("UPDATE photo_imports SET num_accepted = num_accepted - 1", "photos of"),
    "a dataset": ("UPDATE datasets SET trashed_at = 1 WHERE trashed_at IS NULL", "in the trash"),
    "a reference": ("UPDATE dataset_images SET photo_hash = 'none'", "refers to nothing"),
}


@pytest.mark.parametrize(("statement", "words"), CHANGES.values(), ids=CHANGES)
def test_what_is_changed_behind_its_back_is_found(house: House, statement: str, words: str):
    """Each kind of promise, broken by one statement, is told."""
    if "photo_hash = 'none'" in statement:
        house.change(statement)
        found = faults_of(house.settings.database_path)
    else:
        house.change(statement)
        found = house.broken()
    assert any(words in text for text in found), found


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1])


def spoil(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + b"?")


@pytest.mark.parametrize(
    ("change", "words"), [(Path.unlink, "is gone"), (cut_off, "is cut off"), (spoil, "is another")], ids=["1", "2", "3"]
)
def test_a_file_that_is_not_what_its_row_says_is_found(house: House, change: Callable[[Path], object], words: str):
    """Gone, cut off, or with another byte."""
    for path in house.settings.photos_path.rglob("*.jpg"):
        change(path)
    assert any(f"file of photo {path.stem[:12]} {words}" in text for text in house.broken())


@pytest.mark.parametrize(
    "path",
    [
        *("photos/ab/" + "ab" * 32 + ".jpg", "photos/ab/.tmp-0123", "incoming/0123/000000", "runs/77/model.json"),
        *("runs/.tmp-0123-77/x", "cache/exports/77-abc-1-2.zip", "cache/thumbnails/96/ab/" + "ab" * 32 + ".jpg"),
        *("cache/.tmp-0123", "elsewhere.txt"),
    ],
)
def test_a_file_that_belongs_to_nothing_is_found(house: House, path: str):
    """And nothing else is called so."""
    workspace, seen = house.settings.workspace_dir, look(house.settings.database_path)
    before = unowned_files(workspace, seen)
    (workspace / path).parent.mkdir(parents=True, exist_ok=True)
    (workspace / path).write_bytes(b"x")
    assert set(unowned_files(workspace, seen)) - set(before) == {path}


def test_a_photo_that_nothing_needs_is_found(house: House):
    """After the sweep it should not be known any more; before, those of a dataset that is gone may be."""
    seen = look(house.settings.database_path)
    assert len(list(unneeded_photos(seen))) == len(seen.photos) - len(seen.needed)
    house.change("DELETE FROM dataset_images")
    seen = look(house.settings.database_path)
    assert len(list(unneeded_photos(seen))) == len(seen.photos) > 10


def test_photos_in_temporary_files_are_found(tmp_path: Path):
    """Other files of libraries hold no photos."""
    for name in ("a/0.jpg", "a/b/1.PNG", "saved_model.pb"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    assert photos_in(tmp_path) == ["a/0.jpg", "a/b/1.PNG"]


EPOCH = {"epoch": 1, "loss": 0.5}


def test_a_finished_epoch_that_is_told_otherwise_or_no_more_is_found(house: House):
    """Once seen it is a promise, and so are those before it."""
    house.change("INSERT INTO snapshots VALUES ('aa', '[]', 0, 0)")
    house.change(
        "INSERT INTO runs (id, name, name_key, note, snapshot_hash, config, last_sequence, num_rewinds, created_at, "
        "space_id) VALUES (5, 'run a', 'run a', '', 'aa', '{}', 9, 0, 0, 1)"
    )
    played = Action(space_id=1, kind="train", told={"name": "run a"}, answer={"number": 5})
    house.promises.play([played], look(house.settings.database_path))
    told = json.dumps(EPOCH)
    house.change(f"INSERT INTO run_events VALUES (5, 3, 'epoch', '{told}', 0)")
    assert house.broken() == []
    assert house.promises.num_epochs == 1
    house.change('UPDATE run_events SET payload = \'{"epoch": 1, "loss": 0.4}\'')
    assert house.broken() == ["epoch 1 of run 5 was finished and is another"]
    house.change('UPDATE run_events SET payload = \'{"epoch": 2, "loss": 0.4}\'')
    assert "run 5 tells of the epochs [2]" in house.broken()
    house.change("DELETE FROM runs WHERE id = 5")
    assert "run 5 is gone" in house.broken()


def test_an_action_without_an_answer_may_have_happened_or_not(house: House):
    """Its visitor was killed: the database says which, and either is kept from then on."""
    (space_id, *_) = house.space_ids
    bound = house.bound[space_id]
    for number, happens in enumerate((True, False)):
        name = f"unsure {number}"
        if happens:
            bound.library.datasets.create(name)
        action = Action(space_id=space_id, kind="create", told={"name": name})
        house.promises.play([action], look(house.settings.database_path))
        assert house.broken() == []
    dataset_id = next(view.id for view in bound.library.datasets.all() if view.name == "unsure 0")
    assert house.promises.datasets[dataset_id].space_id == space_id
    bound.library.datasets.delete(dataset_id)
    action = Action(space_id=space_id, kind="delete", told={"dataset": dataset_id})
    house.promises.play([action], look(house.settings.database_path))
    assert house.broken() == []
    assert house.promises.datasets[dataset_id].is_trashed


def test_a_refused_import_that_is_there_brings_photos_of_its_own(house: House):
    """Noted, and then not queued, it can be tried again; photos that nobody asked for are told."""
    (space_id, *_) = house.space_ids
    bound = house.bound[space_id]
    dataset = bound.library.datasets.create("refused", ("blue tit", "crow", "robin"))
    created = Action(space_id=space_id, kind="create", told={"name": "refused"}, answer={"number": dataset.id})
    photos = {"ab-0.jpg": (painted(0, 1)[1], "blue tit", "train")}
    staged = bound.imports.stage_files([("train/blue tit/ab-0.jpg", painted(0, 1)[0])])
    bound.imports.submit(ImportRequest(dataset_id=dataset.id, source=StagedFiles(folder=staged), title="ab"))
    house._import(bound)
    told = {"dataset": dataset.id, "title": "ab", "photos": photos}
    refused = Action(space_id=space_id, kind="import", told=told, refusal="StorageError: busy")
    house.promises.play([created, refused], look(house.settings.database_path))
    assert house.broken() == []
    edit = {"dataset": dataset.id, "names": ["ab-0.jpg", "cd-0.jpg"], "fields": {"split": "test"}}
    action = Action(space_id=space_id, kind="edit", told=edit, answer={"operation": 1})
    (sentence,) = house.promises.play([action], look(house.settings.database_path))
    assert sentence.endswith("had photos that nobody brought: cd-0.jpg")
