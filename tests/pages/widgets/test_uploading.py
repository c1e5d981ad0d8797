"""Boxes for files, as Streamlit reports what is in them."""

from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace

import pytest
from streamlit.proto.Common_pb2 import FileURLs
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

from pages.widgets.uploading import UploadBox, let_go


def uploaded(number: int) -> UploadedFile:
    record = UploadedFileRec(file_id=f"id-{number}", name=f"{number}.jpg", type="image/jpeg", data=b"x" * number)
    return UploadedFile(record, FileURLs())


def test_files_that_are_reported_again_are_taken_once():
    """Of a box that is reported twice, and once more with another file, each file is taken once."""
    box = UploadBox("files")
    first, second = uploaded(1), uploaded(2)
    assert box.take([first]) == [first]
    assert box.take([first]) == []
    assert box.take([first, second]) == [second]


def test_a_box_is_followed_by_a_new_one_only_when_it_held_something():
    """What was dropped into the box in the meantime would be lost with it."""
    box = UploadBox("files")
    before = box.widget_key
    assert box.take([]) == []
    assert box.widget_key == before
    box.take([uploaded(1)])
    assert box.widget_key != before


def test_two_runs_at_the_same_time_take_each_file_once():
    """However many runs of the page look into the box, together they get each file once."""
    box = UploadBox("files")
    files = [uploaded(number) for number in range(200)]
    with ThreadPoolExecutor(8) as pool:
        taken = [file.file_id for part in pool.map(lambda _: box.take(files), range(8)) for file in part]
    assert sorted(taken) == sorted(file.file_id for file in files)


def test_the_browser_is_told_what_has_arrived():
    """Names and sizes by box, under the name that Streamlit gives the box in the page; old boxes are forgotten."""
    box = UploadBox("dataset.collect.files.3")
    assert box.describe() == {"class_prefix": "st-key-dataset-collect-files-3-", "generation": 0, "received": {}}
    box.take([uploaded(4), uploaded(5)])
    assert box.describe()["received"] == {"0": [("4.jpg", 4), ("5.jpg", 5)]}
    for number in range(100, 130):
        box.take([uploaded(number)])
    assert len(box.describe()["received"]) == 10
    assert box.describe()["generation"] == 31
    assert len(box._taken_ids) == 10


def given_again(file: UploadedFile, generation: int, number: int) -> UploadedFile:
    name = f"\u2063{generation}\u2063{file.name}"
    record = UploadedFileRec(file_id=f"again-{number}", name=name, type="image/jpeg", data=file.getvalue())
    return UploadedFile(record, FileURLs())


def test_a_file_given_again_counts_only_if_it_was_lost():
    """The browser takes files for lost with their box; those that had come all the same are not taken twice."""
    box = UploadBox("files")
    came, lost = uploaded(1), uploaded(2)
    box.take([came])
    taken = box.take([given_again(came, 0, 1), given_again(lost, 0, 2)])
    assert [(file.name, file.getvalue()) for file in taken] == [("2.jpg", b"xx")]
    twice_lost = given_again(given_again(uploaded(3), 0, 3), 1, 4)
    assert [file.name for file in box.take([twice_lost])] == ["3.jpg"]
    assert box.take([given_again(given_again(came, 0, 5), 2, 6)]) == []


def test_a_box_that_hands_over_late_is_the_one_that_it_was():
    """On a slow line a box is reported once more after a new one has taken its place: what the browser took for lost
    with it is not taken a second time, whichever comes first, and the new box stays."""
    box = UploadBox("files")
    old_key = box.widget_key
    first, late, later = uploaded(1), uploaded(2), uploaded(3)
    box.take([first], old_key)
    new_key = box.widget_key
    assert box.take([first, late], old_key) == [late]
    assert box.widget_key == new_key
    assert box.describe()["received"] == {"0": [("1.jpg", 1), ("2.jpg", 2)]}
    taken = box.take([given_again(late, 0, 1), given_again(later, 0, 2)], new_key)
    assert [file.name for file in taken] == ["3.jpg"]
    assert box.take([first, late, later], old_key) == []


def test_the_same_name_chosen_anew_is_another_file():
    """Whoever chooses a file a second time means it."""
    box = UploadBox("files")
    box.take([uploaded(1)])
    record = UploadedFileRec(file_id="anew", name="1.jpg", type="image/jpeg", data=b"x")
    assert len(box.take([UploadedFile(record, FileURLs())])) == 1


def test_streamlit_forgets_files_that_were_taken(monkeypatch: pytest.MonkeyPatch):
    """Otherwise a page that stays open holds every photo in memory; what was taken can be read all the same."""
    manager = MemoryUploadedFileManager("/upload")
    record = UploadedFileRec(file_id="1", name="tit.jpg", type="image/jpeg", data=b"photo")
    manager.add_file("session", record)
    context = SimpleNamespace(session_id="session", uploaded_file_mgr=manager)
    monkeypatch.setattr("pages.widgets.uploading.get_script_run_ctx", lambda: context)
    (file,) = UploadBox("box").take([UploadedFile(record, FileURLs())])
    let_go([file])
    assert manager.get_files("session", ["1"]) == []
    assert file.getvalue() == b"photo"
