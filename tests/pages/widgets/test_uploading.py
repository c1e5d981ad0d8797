"""Boxes for files, as Streamlit reports what is in them."""

from concurrent.futures import ThreadPoolExecutor

from streamlit.proto.Common_pb2 import FileURLs
from streamlit.runtime.uploaded_file_manager import UploadedFile, UploadedFileRec

from pages.widgets.uploading import UploadBox


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
