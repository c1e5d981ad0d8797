"""The formats to take a model away in, on the page of a run, with a worker that only pretends."""

from dataclasses import replace

import pytest

from core.actions.files import write_actions
from core.actions.records import Actions, ClassAction
from core.export.desk import EXPORT_MODEL_KIND
from core.export.exports import record_path
from core.export.formats import FORMATS, find_format
from core.inference.classifier import Classifier
from core.jobs.status import TaskStatus
from core.runs.decision import Decision, write_decision
from core.runs.folder import RunFolder
from pages.server.file_routes import FILE_ROUTES
from tests.core.export.export_samples import certificate, write_export
from tests.core.inference.model_samples import own_record, record_for
from tests.pages.component_data import watched
from tests.pages.server.route_visits import fetch
from tests.pages.train.conftest import Visit
from tests.pages.train.pretend_training import WORKER, PretendWorker
from tests.pages.train.test_train import NBSP, done, press, texts


@pytest.fixture
def run_id(worker: PretendWorker, birds: int) -> int:
    """A run that is done, with a model."""
    made = done(worker, birds)
    folder = RunFolder(worker.services.settings, made)
    folder.write_json(folder.model_record_path, own_record().to_json())
    return made


def begin_export(worker: PretendWorker) -> int:
    """Take the oldest export from the queue; the task's number."""
    task = worker.services.queue.claim(WORKER, [EXPORT_MODEL_KIND])
    assert task is not None
    return task.id


def name_of(worker: PretendWorker, run_id: int) -> str:
    return worker.services.runs.get_run(run_id).name


def test_a_format_is_made_when_asked_and_told_before_it_is_taken(visit: Visit, worker: PretendWorker, run_id: int):
    """One row for each format, a button that makes it, a bar while it is made, then figures, verdict and the file."""
    app = visit(run_id)
    assert all(f"**{row.title}** · {row.explanation}" in texts(app) for row in FORMATS)
    app.button(key=f"train.export.{run_id}.litert.make").click().run()
    assert "Waiting for its turn" in texts(app)
    assert any(url.endswith(f"runs/{run_id}/exports/litert") for url in watched(app))
    task_id = begin_export(worker)
    folder = RunFolder(worker.services.settings, run_id)
    write_export(folder, content=b"the zip", title=name_of(worker, run_id))
    worker.services.queue.finish(task_id, WORKER, status=TaskStatus.DONE)
    app.run()
    assert f"4 MB · 6.2 ms a photo here · right on 95{NBSP}% of 200 test photos" in texts(app)
    assert "the same class on all 200 test photos" in texts(app)
    (link,) = [each.proto for each in app.get("link_button") if each.proto.label.startswith("Download")]
    assert fetch(f"/{link.url}", FILE_ROUTES).content == b"the zip"
    write_decision(folder, Decision(min_probability=0.5))
    app.run()
    assert not [each for each in app.get("link_button") if each.proto.label.startswith("Download")]
    assert "Out of date: when it says “I don't know” changed since it was made." in texts(app)


def test_a_page_that_is_out_of_date_says_why_and_is_made_again(visit: Visit, worker: PretendWorker, run_id: int):
    """The name, what happens at a class and the line below the title lie in it: one button makes it as it is now."""
    folder, services = RunFolder(worker.services.settings, run_id), worker.services
    write_export(folder, certificate(format="web"), title=name_of(worker, run_id))
    app = visit(run_id)
    assert app.button(key=f"train.export.{run_id}.web.make").label == "Make again"
    assert [each for each in app.get("link_button") if each.proto.label.startswith("Download")]
    services.runs.rename(run_id, "Garden")
    write_actions(folder, Actions(by_class={"a": ClassAction(words="Hello")}))
    app.text_input(key=f"train.export.maker_line.{run_id}").set_value(" Class 5b ").run()
    assert not [each for each in app.get("link_button") if each.proto.label.startswith("Download")]
    changed = "the model's name, what happens at its classes and the line below the title"
    assert f"Out of date: {changed} changed since it was made." in texts(app)
    app.button(key=f"train.export.{run_id}.web.make").click().run()
    assert services.exports.maker_line(run_id) == "Class 5b"
    begin_export(worker)
    assert visit(run_id).text_input(key=f"train.export.maker_line.{run_id}").value == "Class 5b"


def test_a_head_on_a_frozen_network_is_offered_without_being_made(
    visit: Visit, worker: PretendWorker, run_id: int, classifier: Classifier
):
    """LiteRT can be taken at once; the worker can be asked to prove it on more photos, before and afterwards."""
    folder = RunFolder(worker.services.settings, run_id)
    folder.write_json(folder.model_record_path, record_for(classifier, ("crow", "tit")).to_json())
    app = visit(run_id)
    (link,) = [each.proto for each in app.get("link_button") if each.proto.label.startswith("Download")]
    assert "/exports/" in link.url
    assert "it is written the moment you press" in texts(app)
    record = write_export(folder, certificate(num_photos=16), title=name_of(worker, run_id))
    folder.write_json(record_path(folder, find_format("litert")), replace(record, is_made_at_once=True).to_json())
    app.run()
    assert "the same class on all 16 test photos" in texts(app)
    assert app.button(key=f"train.export.{run_id}.litert.make").label == "Prove on all photos"


def test_an_export_can_be_stopped(visit: Visit, worker: PretendWorker, run_id: int):
    """One that waits at once, one under way by its worker; both can be made again."""
    app = visit(run_id)
    for is_begun in (False, True):
        app.button(key=f"train.export.{run_id}.onnx.make").click().run()
        task_id = begin_export(worker) if is_begun else None
        app.button(key=f"train.export.{run_id}.onnx.stop").click().run()
        if task_id is not None:
            assert "Stopping" in texts(app)
            worker.services.queue.finish(task_id, WORKER, status=TaskStatus.CANCELLED)
            app.run()
        assert "It was stopped." in texts(app)
        assert app.button(key=f"train.export.{run_id}.onnx.make").label == "Make again"


def test_an_export_that_is_refused_or_failed_says_why(visit: Visit, worker: PretendWorker, run_id: int):
    """In place of the file, with the figures that speak against it."""
    folder, found = RunFolder(worker.services.settings, run_id), certificate(max_probability_difference=0.25)
    write_export(folder, found, title=name_of(worker, run_id))
    app = visit(run_id)
    assert "a probability differs by 0\\.25" in texts(app).replace("0.25", "0\\.25")
    app.button(key=f"train.export.{run_id}.keras.make").click().run()
    worker.services.queue.finish(begin_export(worker), WORKER, status=TaskStatus.FAILED, error="The disk is full.")
    app.run()
    assert "It could not be made. The disk is full." in texts(app)


def test_all_formats_are_asked_for_at_once(visit: Visit, worker: PretendWorker, run_id: int):
    """Each in a task of its own; what is there already is not made again."""
    write_export(RunFolder(worker.services.settings, run_id), title=name_of(worker, run_id))
    press(visit(run_id), "Make all")
    waiting = worker.services.queue.count_queued()
    assert waiting[EXPORT_MODEL_KIND] == len(FORMATS) - 1


def test_what_cannot_be_made_says_what_is_missing(
    visit: Visit, worker: PretendWorker, run_id: int, monkeypatch: pytest.MonkeyPatch
):
    """Packages that are not installed, with the command that brings them."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    app = visit(run_id)
    assert "Needs packages that are not installed" in texts(app)
    assert not [each for each in app.button if each.key == f"train.export.{run_id}.onnx.make"]
