"""The figures of a load test, and the photos that it sends."""

import io

import pytest
from PIL import Image

from benchmarks.live.__main__ import figures
from benchmarks.live.viewers import Viewer, pan
from benchmarks.load.__main__ import summary
from benchmarks.load.notes import Notes, spread
from benchmarks.load.scenarios import Measured
from benchmarks.load.server import Usage, made_unique, read_photos


def test_figures_over_all_scenarios_are_of_all_reruns_and_answers():
    """Memory is the most of any, errors are counted together, watching has a figure of its own."""
    pages = Measured(notes=Notes(rerun_ms=[100.0, 200.0]), usage=Usage(peak_megabytes=300.0))
    watch = Measured(
        notes=Notes(rerun_ms=[900.0], answer_ms=[50.0]), usage=Usage(peak_megabytes=200.0), extra={"watch_cores": 0.1}
    )
    pages.notes.errors["shown"] = 2
    found = summary({"pages": pages, "watch": watch}, megabytes_after=250.0)
    scenarios = found.pop("scenarios")
    assert found == {
        "rerun_p50_ms": 200.0,
        "rerun_p95_ms": 900.0,
        "answer_p50_ms": 50.0,
        "answer_p95_ms": 50.0,
        "watch_cores": 0.1,
        "server_megabytes": 300.0,
        "server_megabytes_after": 250.0,
        "errors": 2,
    }
    assert scenarios["pages"]["errors"] == 2
    assert scenarios["watch"]["watch_cores"] == 0.1


def test_what_was_not_measured_has_no_figure():
    """No answers are no fast answers."""
    assert spread([], "answer") == {}


def test_the_first_error_of_a_kind_is_told(capsys: pytest.CaptureFixture[str]):
    """The others are counted; what happens once the visitors are sent home counts no more."""
    notes = Notes()
    notes.fail("shown", "x" * 1_000)
    notes.fail("shown", "another")
    notes.is_closed = True
    notes.fail("dropped", "at the end")
    assert notes.errors == {"shown": 2}
    told = capsys.readouterr().err
    assert "x" * 500 in told
    assert len(told) < 700
    assert "another" not in told


def test_photos_are_files_that_nobody_has_seen():
    """The picture is the same, the file is not."""
    (photo, *_) = read_photos(None)
    first, second = made_unique(photo, "1"), made_unique(photo, "2")
    assert first != second
    with Image.open(io.BytesIO(photo)) as before, Image.open(io.BytesIO(first)) as after:
        assert before.tobytes() == after.tobytes()


def test_frames_pan_along_a_photo():
    """Each is as small as the page makes it, and another one than the frame before."""
    frames = pan(read_photos(None)[0])
    sizes = set()
    for frame in frames:
        with Image.open(io.BytesIO(frame)) as picture:
            sizes.add(min(picture.size))
    assert sizes <= {255, 256, 257}
    assert len(set(frames)) == len(frames)


def test_each_viewer_has_a_number_of_answers_a_second():
    """Percentiles are of all viewers together."""
    viewers = [Viewer(milliseconds=[10.0, 20.0]), Viewer(milliseconds=[30.0], num_dropped=1)]
    assert figures(viewers, 2.0) == {"answers_per_second": [1.0, 0.5], "p50_ms": 20.0, "p95_ms": 30.0, "dropped": 1}
