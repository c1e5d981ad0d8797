"""Project files that are damaged, newer, or made to do harm: a clear sentence each, and nothing of them is kept."""

import hashlib
import io
import json
import struct
import uuid
import zipfile
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from core.datasets.garbage import collect_garbage
from core.datasets.library import Library
from core.errors import ProjectError, StorageError, TaskCancelledError
from core.photos.store import PhotoStore
from core.projects import bringing_in, layout
from core.projects.bringing_in import settle_abandoned
from core.projects.layout import CHECKSUMS, DATASET, IMAGES, PHOTOS, SUMMARY, is_photo_path
from core.runs.folder import RunFolder
from core.runs.library import RunLibrary
from core.settings import Settings
from core.storage.db import Database, open_database
from core.storage.schema import Photo
from tests.core.projects.project_samples import bring_in, contents, edited, entries_of, picture, tampered

RUN, EVENTS, CHECKPOINT = "runs/1/run.json", "runs/1/events.jsonl", "runs/1/files/checkpoint.npz"


def refused(path: Path, settings: Settings) -> str:
    """Why a project is not brought in; the workspace is as it was."""
    before = contents(settings)
    with pytest.raises(ProjectError) as caught:
        bring_in(path, settings)
    assert contents(settings) == before
    return str(caught.value)


def photo_of(path: Path) -> str:
    return min(filter(is_photo_path, entries_of(path)))


def in_run(**values: Any) -> Callable[[bytes], bytes]:
    """A change of what a run's own record says."""

    def change(content: bytes) -> bytes:
        whole = json.loads(content)
        return json.dumps({**whole, "run": {**whole["run"], **values}}).encode()

    return change


def in_first_line(place: int, value: Any) -> Callable[[bytes], bytes]:
    """A change of one value of a table's first row."""

    def change(content: bytes) -> bytes:
        first, _, rest = content.partition(b"\n")
        row = json.loads(first)
        row[place] = value
        return json.dumps(row).encode() + b"\n" + rest

    return change


def array_file(content: bytes, *, method: int = zipfile.ZIP_STORED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", method) as archive:
        archive.writestr("state.npy", content)
    return target.getvalue()


def array_header(text: str) -> bytes:
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


def pickled() -> bytes:
    target = io.BytesIO()
    np.save(target, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    return target.getvalue()


HUGE_ARRAY = array_header("{'descr': '<f4', 'fortran_order': False, 'shape': (1099511627776,), }\n")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {SUMMARY: edited(format=layout.FORMAT_VERSION + 1, made_by="9.9", new="?")},
            f"newer Bluetit (9.9, format {layout.FORMAT_VERSION + 1})",
        ),
        ({SUMMARY: edited(made_at=1e300)}, "damaged"),
        ({SUMMARY: edited(dataset_name="")}, "damaged"),
        ({SUMMARY: edited(num_bytes=10**40)}, "damaged"),
        ({SUMMARY: edited(runs=json.loads("[" * 200 + "]" * 200))}, "no JSON"),
        ({SUMMARY: b"[" * 100_000}, "no JSON"),
        ({SUMMARY: b'{"format": NaN}'}, "no JSON"),
        ({SUMMARY: None}, "no project of Bluetit"),
        ({DATASET: None}, "1 other file is missing (dataset.json)"),
        ({DATASET: edited(class_names=["crow", "CROW"])}, "listed twice"),
        ({DATASET: edited(surprise=1)}, "no surprise"),
        ({IMAGES: in_first_line(0, 99)}, "in no class"),
        ({IMAGES: in_first_line(1, "0" * 64)}, "not in photos.jsonl"),
        ({IMAGES: in_first_line(3, "holiday")}, "holiday"),
        ({IMAGES: in_first_line(7, -5.0)}, "in no class"),
        ({IMAGES: lambda content: content[:-5]}, "ends early"),
        ({IMAGES: b"[" + b"1," * layout.MAX_LINE_BYTES + b"1]"}, "longer than any"),
        ({PHOTOS: in_first_line(0, "../../../etc/passwd")}, "cannot be"),
        ({PHOTOS: in_first_line(2, 40_000)}, "cannot be"),
        ({PHOTOS: in_first_line(4, 10**30)}, "cannot be"),
        ({PHOTOS: in_first_line(2, 31)}, "not the photo that its table describes"),
        ({PHOTOS: lambda content: content + content}, "one twice"),
        ({CHECKSUMS: b"{}"}, "no checksum"),
        ({CHECKSUMS: None}, "missing (checksums.json)"),
        ({RUN: in_run(config={"snapshot": "0" * 64})}, "another snapshot"),
        ({RUN: in_run(outcome={"num_epochs": 1})}, "not complete"),
        ({RUN: in_run(created_at=1e308)}, "cannot be"),
        ({RUN: in_run(last_sequence=10**30)}, "cannot be"),
        ({RUN: edited(parent=1)}, "not before it"),
        ({RUN: edited(network="../../x")}, "has no name"),
        ({RUN: edited(network="0" * 64)}, "2 other files are missing"),
        ({EVENTS: in_first_line(1, "shutdown")}, "shutdown"),
        ({EVENTS: in_first_line(0, 7)}, "not in order"),
        ({EVENTS: in_first_line(2, {"text": 5})}, "damaged"),
        ({CHECKPOINT: array_file(pickled())}, "than arrays of numbers"),
        ({CHECKPOINT: array_file(HUGE_ARRAY)}, "than arrays of numbers"),
        ({CHECKPOINT: array_file(bytes(1_000_000), method=zipfile.ZIP_DEFLATED)}, "packs no arrays"),
        ({CHECKPOINT: b"PK no arrays"}, "cannot be read as arrays"),
        ({"runs/1/files/report.json": b"[" * 100_000}, "no JSON"),
        ({"runs/1/files/model.keras": b"PK"}, "'runs/1/files/model.keras', which no project"),
        ({"runs/1/files/saved_model.pb": b"x"}, "which no project"),
        ({"runs/2/run.json": b"{}"}, "know nothing"),
        ({"../evil.txt": b"x"}, "'../evil.txt'"),
        ({"/etc/cron.d/x": b"x"}, "'/etc/cron.d/x'"),
        ({"photos/..\\..\\x.jpg": b"x"}, "which no project"),
        ({f"photos/00/{'0' * 64}.jpg": b"x"}, "know nothing"),
    ],
)
def test_a_project_that_is_not_right_is_refused(
    settings: Settings, project: Path, tmp_path: Path, changes: dict, words: str
):
    """Whoever made it took care that the checksums fit."""
    assert words in refused(tampered(project, tmp_path / "bad.bluetit", changes), settings)


def test_a_photo_that_does_not_fit_its_name_is_refused(settings: Settings, project: Path, tmp_path: Path):
    """Neither another photo nor a changed byte takes the place of one."""
    name = photo_of(project)
    for content in (picture(9), entries_of(project)[name][:-1] + b"\0"):
        assert "its checksum differs" in refused(tampered(project, tmp_path / "bad.bluetit", {name: content}), settings)


def test_what_is_no_photo_is_refused_though_its_name_fits(settings: Settings, project: Path, tmp_path: Path):
    """A page that calls itself a photo, and a photo that ends early, are named."""
    whole = entries_of(project)[photo_of(project)]
    for content in (b"<html><script>alert(1)</script>", whole[: len(whole) // 2]):
        bad = with_other_photo(project, tmp_path / "bad.bluetit", content)
        assert "photo" in refused(bad, settings)


def with_other_photo(project: Path, target: Path, content: bytes) -> Path:
    """The project without its run, with other bytes for a photo under the name that fits them."""
    name = photo_of(project)
    old, _, ending = name.rpartition("/")[2].partition(".")
    new = hashlib.sha256(content).hexdigest()

    def describe(table: bytes) -> bytes:
        rows = [json.loads(line) for line in table.splitlines()]
        described = [[new, *row[1:6], len(content), row[7]] if row[0] == old else row for row in rows]
        return b"".join(json.dumps(row).encode() + b"\n" for row in described)

    changes: dict[str, Any] = {
        **{each: None for each in entries_of(project) if each.startswith(("runs/", "snapshots/"))},
        name: None,
        f"photos/{new[:2]}/{new}.{ending}": content,
        IMAGES: lambda table: table.replace(old.encode(), new.encode()),
        PHOTOS: describe,
        SUMMARY: edited(runs=[]),
    }
    return tampered(project, target, changes)


def test_a_missing_photo_is_counted_and_named(settings: Settings, project: Path, tmp_path: Path):
    """So that a person knows what was lost on the way."""
    name = photo_of(project)
    text = refused(tampered(project, tmp_path / "bad.bluetit", {name: None}), settings)
    assert f"1 photo is missing ({name})" in text
    assert "Nothing was brought in" in text


def test_a_missing_file_of_a_run_is_named(settings: Settings, project: Path, tmp_path: Path):
    """The list of checksums tells what was packed."""
    bad = tampered(project, tmp_path / "bad.bluetit", {CHECKPOINT: None, CHECKSUMS: lambda content: content})
    assert f"missing ({CHECKPOINT})" in refused(bad, settings)


def test_a_changed_byte_anywhere_is_noticed(settings: Settings, project: Path, tmp_path: Path):
    """Of what has no checksum in its name, the list has one."""
    for name in (DATASET, CHECKPOINT):
        content = entries_of(project)[name]
        bad = tampered(project, tmp_path / "bad.bluetit", {name: content + b" "}, is_signed=False)
        assert "its checksum differs" in refused(bad, settings)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_file_that_was_cut_off_is_refused(settings: Settings, project: Path, tmp_path: Path, share: float):
    """Wherever the copy broke off."""
    content = project.read_bytes()
    (tmp_path / "cut.bluetit").write_bytes(content[: int(share * len(content))])
    assert any(words in refused(tmp_path / "cut.bluetit", settings) for words in ("its end is missing", "no project"))


def test_the_same_name_twice_is_refused(settings: Settings, project: Path, tmp_path: Path):
    """Two readers could take two different ones."""
    bad = tampered(project, tmp_path / "bad.bluetit", {})
    with zipfile.ZipFile(bad, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(DATASET, b"{}")
    assert "holds dataset.json twice" in refused(bad, settings)


def test_a_link_is_refused(settings: Settings, project: Path, tmp_path: Path):
    """Even where its name is one of a project's."""
    bad = tampered(project, tmp_path / "bad.bluetit", {})
    link = zipfile.ZipInfo("runs/1/files/labels.txt")
    link.create_system, link.external_attr = 3, 0o120777 << 16
    with zipfile.ZipFile(bad, "a") as archive:
        archive.writestr(link, "/etc/passwd")
    assert "link" in refused(bad, settings)


def test_a_bomb_is_refused_before_it_fills_anything(settings: Settings, project: Path, tmp_path: Path):
    """By the size of one file, by the size of all, and by how tightly it is packed."""
    small = replace(settings, max_archive_bytes=2_000_000)
    bad = tampered(project, tmp_path / "bad.bluetit", {})
    with zipfile.ZipFile(bad, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("runs/1/files/reference.npz", bytes(3_000_000))
    assert "at most 2 MB are read" in refused(bad, small)
    huge = tampered(project, tmp_path / "huge.bluetit", {})
    with zipfile.ZipFile(huge, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("snapshots/" + "0" * 64 + ".json", bytes(layout.MAX_JSON_BYTES + 1))
    assert "at most 40 MB are read" in refused(huge, settings)
    wide = tampered(project, tmp_path / "wide.bluetit", {})
    with zipfile.ZipFile(wide, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("runs/1/files/head.npz", bytes(1_500_000))
        archive.writestr("runs/1/files/trained.npz", bytes(1_500_000))
    assert "3 MB would come out of it" in refused(wide, small)
    with zipfile.ZipFile(wide, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("runs/1/files/predictions.npz", bytes(101_000_000))
    assert "104 MB would come out of it" in refused(wide, settings)
    assert "projects of at most 0 MB" in refused(project, replace(settings, max_archive_bytes=1_000))


def test_a_size_that_the_file_lies_about_is_noticed(settings: Settings, project: Path, tmp_path: Path):
    """JSON of 2 GB that claims to be small is not read to its end."""
    bad = tampered(project, tmp_path / "bad.bluetit", {})
    content = bytearray(bad.read_bytes())
    with zipfile.ZipFile(bad) as archive:
        size = archive.getinfo(DATASET).file_size
    place = content.rfind(DATASET.encode()) - 46
    content[place + 24 : place + 28] = struct.pack("<L", size - 20)
    bad.write_bytes(content)
    assert "dataset.json cannot be read" in refused(bad, settings)


def test_too_many_photos_are_refused(settings: Settings, project: Path):
    """The limit of imports holds."""
    assert "more than 2 photos" in refused(project, replace(settings, max_import_photos=2))


def test_another_archive_is_no_project(settings: Settings, tmp_path: Path):
    """Nor is something that is no archive."""
    with zipfile.ZipFile(tmp_path / "photos.zip", "w") as archive:
        archive.writestr("crow/1.jpg", picture(1))
    assert "'crow/1.jpg', which no project" in refused(tmp_path / "photos.zip", settings)
    (tmp_path / "text.bluetit").write_text("hello")
    assert "is no project of Bluetit" in refused(tmp_path / "text.bluetit", settings)


def test_measurements_that_cannot_be_are_made_again(settings: Settings, project: Path, tmp_path: Path):
    """What a table says of photos is shown in charts and compared; what is of another kind is dropped."""
    other = tampered(project, tmp_path / "x.bluetit", {PHOTOS: in_first_line(7, {"version": 99, "phash": "<b>"})})
    bring_in(other, settings)
    with closing(open_database(settings)) as database:
        known = database_measurements(database)
    assert sorted(map(bool, known)) == [False, True, True, True, True]


def database_measurements(database: Database) -> list[dict]:
    with database.read_session() as session:
        return list(session.scalars(select(Photo.measurements)))


@pytest.mark.parametrize("stop_at", ["Looking", "Photo 3", "Putting"])
def test_stopped_half_way_nothing_is_left(settings: Settings, project: Path, stop_at: str):
    """Wherever the person stops it, or the disk fails."""

    def report(_: float | None, message: str) -> None:
        if message.startswith(stop_at):
            raise TaskCancelledError("Stop.")

    before = contents(settings)
    with pytest.raises(TaskCancelledError):
        bring_in(project, settings, report=report)
    assert contents(settings) == before


def test_a_transaction_that_fails_leaves_no_folder(settings: Settings, project: Path, monkeypatch: pytest.MonkeyPatch):
    """Photos that came so far belong to nothing, and the next clean-up takes them."""
    place = bringing_in.BringingIn._place_runs

    def place_and_fail(attempt: bringing_in.BringingIn, run_ids: list[int]) -> None:
        place(attempt, run_ids)
        raise StorageError("The disk went away.")

    monkeypatch.setattr(bringing_in.BringingIn, "_place_runs", place_and_fail)
    with pytest.raises(StorageError):
        bring_in(project, settings)
    assert not [name for name in contents(settings) if not name.startswith("photos/")]
    with closing(open_database(settings)) as database:
        store = PhotoStore(settings.photos_path, settings.cache_path)
        assert collect_garbage(Library(database), store, min_age_seconds=-1.0) == 5
    assert contents(settings) == []


class Killed(BaseException):
    """As if there were nobody left to clear up."""


def kill_while_runs_are_placed(settings: Settings, project: Path, key: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave what a worker leaves that is killed before its transaction is committed."""

    def die(*_: object, **__: object) -> None:
        raise Killed

    place = bringing_in.BringingIn._place_runs

    def place_and_die(attempt: bringing_in.BringingIn, run_ids: list[int]) -> None:
        place(attempt, run_ids)
        monkeypatch.setattr(bringing_in.BringingIn, "settle", die)
        die()

    with monkeypatch.context() as patch:
        patch.setattr(bringing_in.Staging, "clear", lambda _: None)
        patch.setattr(bringing_in.BringingIn, "_place_runs", place_and_die)
        with pytest.raises(Killed):
            bring_in(project, settings, key=key)
    monkeypatch.undo()


def test_killed_while_runs_are_placed_the_next_attempt_clears_up(
    settings: Settings, project: Path, monkeypatch: pytest.MonkeyPatch
):
    """Folders that got their place in a transaction that was never committed go, and the run is there once."""
    key = uuid.uuid4().hex
    kill_while_runs_are_placed(settings, project, key, monkeypatch)
    left = settings.workspace_dir / "runs" / "1"
    assert (left / "project-key").is_file()
    RunFolder(settings, 1).set_aside()  # the number was given to another run meanwhile
    dataset_id = bring_in(project, settings, key=key)
    with closing(open_database(settings)) as database:
        (view,) = RunLibrary(database).list_runs(dataset_id)
    folders = [path.name for path in (settings.workspace_dir / "runs").iterdir()]
    assert folders == [str(view.id)]
    assert not (settings.workspace_dir / "runs" / str(view.id) / "project-key").exists()


def test_killed_too_often_while_runs_are_placed_the_clearing_up_does_it(
    settings: Settings, project: Path, monkeypatch: pytest.MonkeyPatch
):
    """No folder stays without a run when nobody tries again; a project that is tried once more is left alone."""
    key = uuid.uuid4().hex
    kill_while_runs_are_placed(settings, project, key, monkeypatch)
    runs = settings.workspace_dir / "runs"
    with closing(open_database(settings)) as database:
        settle_abandoned(database, settings, lambda active: active == key)
        assert (runs / "1" / "project-key").is_file()
        settle_abandoned(database, settings, lambda _: False)
    assert not [path.name for path in runs.iterdir() if "placing" in path.name or (path / "project-key").exists()]
