"""Models in projects: they answer as before, under names of what they are; what does not fit is refused."""

import io
import json
import re
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from core.actions.desk import ActionDesk
from core.actions.files import read_actions
from core.backbones.artefacts import open_artefact
from core.datasets.library import Library
from core.datasets.records import Split
from core.errors import ProjectError
from core.evaluation.answers import read_answers
from core.inference.classifier_cache import ClassifierCache
from core.inference.trained_model import read_model_record
from core.projects.layout import FORMAT_VERSION, SUMMARY
from core.projects.writing import write_project
from core.runs.folder import RunFolder
from core.runs.library import RunLibrary
from core.runs.records import RunStatus, RunView
from core.settings import Settings
from core.storage.db import open_database
from tests.conftest import link_backbones
from tests.core.actions.sounds import wav
from tests.core.evaluation.finished_runs import Labelled, finished_run
from tests.core.inference.model_runs import outcome
from tests.core.projects.project_samples import bring_in, contents, entries_of, picture, tampered

MODEL, HEAD = "runs/1/files/model.json", "runs/1/files/head.npz"
ACTIONS_ENTRY = "runs/1/files/actions.json"


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A workspace with a model of two classes, and its project."""

    settings: Settings
    run_id: int
    project: Path

    @property
    def folder(self) -> RunFolder:
        return RunFolder(self.settings, self.run_id)

    @property
    def network(self) -> str:
        """Where its prepared network is in the project."""
        return next(name for name in entries_of(self.project) if name.endswith("model.tflite"))


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, prepared_cache: Path, new_database: Path) -> Trained:
    """Made once: a head on the default backbone, fitted to a handful of photos."""
    folder = tmp_path_factory.mktemp("trained")
    settings = Settings(workspace_dir=folder / "workspace")
    settings.workspace_dir.mkdir()
    settings.database_path.write_bytes(new_database.read_bytes())
    link_backbones(prepared_cache, settings)
    photos = [
        Labelled(data=picture(number), class_name=("crow", "tit")[number % 2], split=split)
        for number, split in enumerate([Split.TRAIN] * 6 + [Split.VALIDATION] * 2 + [Split.TEST] * 2)
    ]
    run_id, _ = finished_run(settings, "Birds", photos)
    with closing(open_database(settings)) as database:
        runs = RunLibrary(database)
        runs.set_finished(run_id, outcome(num_classes=2).to_json())
        reactions = ActionDesk(database, runs, settings)
        reactions.put_sound(run_id, "crow", wav())
        reactions.put_picture(run_id, "tit", picture(3))
        reactions.speak_in(run_id, "de")
        dataset_id = runs.get_run(run_id).dataset_id
        assert dataset_id is not None
        write_project(database, settings, dataset_id, [run_id], folder / "Birds.bluetit")
    return Trained(settings=settings, run_id=run_id, project=folder / "Birds.bluetit")


def run_of(path: Path, settings: Settings) -> RunView:
    """The run of a project, once it is here."""
    dataset_id = bring_in(path, settings)
    with closing(open_database(settings)) as database:
        (view,) = RunLibrary(database).list_runs(dataset_id)
    return view


def test_a_model_answers_to_the_bit_where_nothing_was_prepared(trained: Trained, settings: Settings):
    """In another workspace with an empty cache: the same probabilities for a new photo, the same results."""
    view = run_of(trained.project, settings)
    assert view.status is RunStatus.DONE
    models = [
        ClassifierCache(where).get_trained(run_id)
        for where, run_id in ((trained.settings, trained.run_id), (settings, view.id))
    ]
    answers = [model.answer(model.square(picture(77), "new")).probabilities for model in models]
    np.testing.assert_array_equal(answers[0], answers[1])
    folder = RunFolder(settings, view.id)
    kept = [read_answers(each) for each in (trained.folder, folder)]
    np.testing.assert_array_equal(kept[0].test.probabilities, kept[1].test.probabilities)
    # What a stranger calls a network is no name for it here: it would take the place of one that is prepared here.
    name = read_model_record(folder).artefact or ""
    assert name.startswith("imported-")
    assert open_artefact(settings.cache_path / "backbones" / name)


def test_the_very_network_that_is_prepared_here_is_used(trained: Trained, prepared_settings: Settings):
    """Nothing is kept twice, and features that are known stay known."""
    view = run_of(trained.project, prepared_settings)
    record = read_model_record(RunFolder(prepared_settings, view.id))
    assert record.artefact == read_model_record(trained.folder).artefact
    assert not list((prepared_settings.cache_path / "backbones").glob("imported-*"))


def test_the_reactions_of_a_model_come_along(trained: Trained, settings: Settings):
    """What is shown and heard at its classes, byte for byte; an older Bluetit is told that it cannot read them."""
    folder = RunFolder(settings, run_of(trained.project, settings).id)
    actions = read_actions(folder)
    assert actions == read_actions(trained.folder)
    assert set(actions.by_class) == {"crow", "tit"}
    for name in actions.files:
        assert (folder.path / name).read_bytes() == (trained.folder.path / name).read_bytes()
    assert json.loads(entries_of(trained.project)[SUMMARY])["format"] == FORMAT_VERSION == 2


def in_reactions(**values: Any) -> dict[str, Callable[[bytes], bytes]]:
    return {ACTIONS_ENTRY: lambda content: json.dumps({**json.loads(content), **values}).encode()}


def of_sound(change: Callable[[bytes], bytes] | None) -> Callable[[Path], dict[str, Any]]:
    """A change of the file that is heard; None: it is taken out."""
    return lambda project: {next(name for name in entries_of(project) if name.endswith(".wav")): change}


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (of_sound(lambda content: content[:-1] + b"x"), "is not what its name says"),
        (of_sound(None), "missing"),
        (lambda _: in_reactions(by_class={"crow": {"sound": "../../../x.wav"}}), "is no sound of a reaction"),
        (lambda _: in_reactions(by_class={"crow": {"colour": "red;}"}}), "is no colour"),
        (lambda _: in_reactions(by_class={}), "of which its tables know nothing"),
        (lambda _: in_reactions(language="<b>"), "names no language"),
    ],
    ids=["another sound", "no sound", "a path", "no colour", "files of nothing", "no language"],
)
def test_reactions_that_are_not_right_are_refused(
    trained: Trained, settings: Settings, tmp_path: Path, changes: Callable[[Path], dict[str, Any]], words: str
):
    """With a sentence, and nothing of the project is kept."""
    before = contents(settings)
    with pytest.raises(ProjectError, match=re.escape(words)):
        run_of(tampered(trained.project, tmp_path / "x.bluetit", changes(trained.project)), settings)
    assert contents(settings) == before


def in_model(**values: Any) -> dict[str, Callable[[bytes], bytes]]:
    return {MODEL: lambda content: json.dumps({**json.loads(content), **values}).encode()}


def test_a_model_is_called_by_what_it_is(trained: Trained, settings: Settings, tmp_path: Path):
    """A fingerprint or a folder of somebody else's choice would bring wrong features into the place of right ones."""
    posing = tampered(
        trained.project, tmp_path / "x.bluetit", in_model(fingerprint="0123456789abcdef", artefact="../../../etc")
    )
    record = read_model_record(RunFolder(settings, run_of(posing, settings).id))
    honest = read_model_record(RunFolder(settings, run_of(trained.project, settings).id))
    assert (record.fingerprint, record.artefact) == (honest.fingerprint, honest.artefact)


def test_a_run_without_its_model_comes_with_a_note(trained: Trained, settings: Settings, tmp_path: Path):
    """Its results are there."""
    view = run_of(tampered(trained.project, tmp_path / "x.bluetit", {HEAD: None}), settings)
    assert view.status is RunStatus.DONE
    with closing(open_database(settings)) as database:
        (arrival,) = Library(database).imports.of(view.dataset_id or 0)
    assert any("did not come along" in note for note in arrival.notes)


def other_head(width: int, num_classes: int) -> bytes:
    target = io.BytesIO()
    np.savez(target, kernel_0=np.zeros((width, num_classes), np.float32), bias_0=np.zeros(num_classes, np.float32))
    return target.getvalue()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({HEAD: other_head(7, 2)}, "does not fit the network"),
        ({HEAD: other_head(1280, 3)}, "does not fit the network"),
        (in_model(class_names=["a", "b", "c"]), "other classes than its photos"),
        (in_model(rendering={"scales": 5}), "cannot be used"),
        (in_model(image_size=["x", 1]), "cannot be used"),
    ],
    ids=["width", "classes of the head", "classes", "rendering", "size"],
)
def test_a_model_that_does_not_fit_is_refused(
    trained: Trained, prepared_settings: Settings, tmp_path: Path, changes: dict, words: str
):
    """Before anything could ask it."""
    assert words in refused(tampered(trained.project, tmp_path / "x.bluetit", changes), prepared_settings)


def test_a_network_that_cannot_be_loaded_is_refused(trained: Trained, settings: Settings, tmp_path: Path):
    """Half of a network, in a process of its own: whatever it does there, this one goes on."""
    whole = entries_of(trained.project)[trained.network]
    for content, words in (
        (whole[: len(whole) // 2], "no network that LiteRT can load"),
        (whole, "has other classes"),  # a thousand of them
    ):
        changes = {**in_model(artefact=None), "runs/1/files/model.tflite": content}
        assert words in refused(tampered(trained.project, tmp_path / "x.bluetit", changes), settings)


def test_a_network_under_the_name_of_another_is_refused(trained: Trained, settings: Settings, tmp_path: Path):
    """Its name is its checksum."""
    bad = tampered(trained.project, tmp_path / "x.bluetit", {trained.network: lambda content: content + b"\0"})
    assert "is not what its name says" in refused(bad, settings)


def refused(path: Path, settings: Settings) -> str:
    before = contents(settings)
    with pytest.raises(ProjectError) as caught:
        bring_in(path, settings)
    assert contents(settings) == before
    return str(caught.value)
