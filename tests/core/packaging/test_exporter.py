"""A small model in every format: made, proven by its own sample program, and taken away whole or not at all."""

import errno
import json
import os
import re
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from core.config import PhaseConfig
from core.errors import NoSpaceError, RunFileError, TaskCancelledError, UnknownRunError, WebRuntimeError
from core.export.certificate import Certificate, artefact_sha256
from core.export.description import describe_licences
from core.export.desk import EXPORT_MODEL_KIND, ExportState
from core.export.exports import ExportRecord, read_export, remove_export, why_not_handed_out, zip_path
from core.export.formats import FORMATS, MAX_PAGE_DIFFERENCE, Runtime, find_format
from core.export.page_wishes import write_maker_line
from core.export.sample_program import UNKNOWN
from core.inference.classifier_cache import ClassifierCache
from core.inference.reference import Reference, write_reference
from core.inference.trained_model import read_model_record
from core.jobs.handlers import resolve_handler
from core.jobs.status import TaskStatus
from core.packaging.calibrated import CalibratedModel
from core.packaging.converters import litert
from core.packaging.export import run_export_model_task
from core.packaging.exporter import Exporter
from core.runs.decision import Decision, read_decision, write_decision
from core.runs.folder import RunFolder
from core.settings import Settings
from core.task_kinds import TASK_KINDS
from core.training.run import run_train_task
from tests.core.training.training_samples import painted_dataset, submit
from tests.core.training.workshop import Workshop, open_workshop
from tests.fresh_environment import FreshEnvironment, fresh_environment, with_what_they_need
from tests.small_disk import small_disk

SIDE_PX = 48
DISK_BYTES = 40_000_000

# Keras 3.15 does not know NumPy 2.4's `copy` keyword; its HDF5 and TensorFlow's converter use what is going away.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy keyword:DeprecationWarning"),
]


@dataclass(frozen=True, kw_only=True)
class Made:
    """A finished run, and the exports of it that were made."""

    workshop: Workshop
    run_id: int
    exporter: Exporter

    @property
    def folder(self) -> RunFolder:
        return RunFolder(self.workshop.settings, self.run_id)

    @property
    def title(self) -> str:
        return self.exporter.facts.title

    def make(self, name: str) -> ExportRecord:
        """The record of an export, which is made where nobody has."""
        row = find_format(name)
        return read_export(self.folder, row, self.title) or self.exporter.make(row, report=lambda *_: None)

    def unpack(self, name: str, target: Path) -> Path:
        """The folder of what the zip of an export holds."""
        self.make(name)
        with zipfile.ZipFile(zip_path(self.folder, find_format(name))) as archive:
            archive.extractall(target)
        return target


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, new_database: Path) -> Iterator[Made]:
    """A network from scratch, trained for a moment, that refuses some photos for either reason."""
    settings = Settings(workspace_dir=tmp_path_factory.mktemp("exports") / "workspace", package_after_training=False)
    settings.workspace_dir.mkdir()
    shutil.copy(new_database, settings.database_path)
    with open_workshop(settings) as workshop:
        dataset_id = painted_dataset(workshop, num_train=3)  # type: ignore[arg-type]  # what it needs of services
        phase = PhaseConfig(num_epochs=2, batch_size=8)
        run = submit(workshop, dataset_id, backbone="scratch", image_size=(SIDE_PX, SIDE_PX), head_phase=phase)  # type: ignore[arg-type]
        context = workshop.begin(1)
        run_train_task(context)
        workshop.end(context, 1, TaskStatus.DONE)
        _choose_limits(workshop, run.id)
        exporter = Exporter(run.id, settings=settings, database=workshop.database, check_cancelled=lambda: None)
        yield Made(workshop=workshop, run_id=run.id, exporter=exporter)


def _choose_limits(workshop: Workshop, run_id: int) -> None:
    """Limits between those of the test photos, so that some are refused for either reason and some are not."""
    folder = RunFolder(workshop.settings, run_id)
    write_decision(folder, Decision(temperature=0.5 * read_decision(folder).temperature))
    exporter = Exporter(run_id, settings=workshop.settings, database=workshop.database, check_cancelled=lambda: None)
    model = ClassifierCache(workshop.settings).get_trained(run_id)
    assert model.judge is not None
    photos = exporter.proof_photos
    outputs = [model.answer(model.square(photos.data(number), "photo")) for number in range(len(photos))]
    reference = Reference(["0" * 64], np.zeros(1, np.int64), outputs[0].features[np.newaxis])
    write_reference(folder, reference)
    shares = sorted(float(model.judge.calibrate(each.probabilities).max()) for each in outputs)
    distances = sorted(reference.distance(each.features) for each in outputs)
    limits = (shares[1] + shares[2]) / 2, (distances[-3] + distances[-2]) / 2
    decided = replace(read_decision(folder), min_probability=limits[0], max_distance=limits[1])
    write_decision(folder, decided)


def ask_programs(environment: FreshEnvironment, folder: Path, programs: list[str], photos: list[str]) -> dict[str, Any]:
    """What sample programs in a folder say to photos, in one process; and its version of Keras."""
    code = f"""
import importlib, json, sys
sys.path.insert(0, ".")
said = {{}}
for name in {programs!r}:
    program = importlib.import_module(name)
    answers = [program.answer_of(photo)[0] for photo in {photos!r}]
    probabilities = [program.probabilities_of(photo).tolist() for photo in {photos!r}]
    said[name] = {{"answers": answers, "probabilities": probabilities}}
said["keras"] = sys.modules["keras"].__version__ if "keras" in sys.modules else None
print(json.dumps(said))
"""
    process = environment.run("-c", code, cwd=folder)
    assert process.returncode == 0, process.stderr
    return dict(json.loads(process.stdout.splitlines()[-1]))


def certificate_of(made: Made, name: str) -> Certificate:
    """Of an export, which is made where nobody has."""
    found = made.make(name).proven.certificate
    assert found is not None
    return found


@pytest.mark.parametrize("name", ["keras", "savedmodel", "h5", "litert", "onnx"])
def test_an_export_in_floating_point_answers_as_the_preview(made: Made, name: str):
    """In its own runtime and a fresh process, from the photos' files: class, probabilities, and "I don't know"."""
    found = certificate_of(made, name)
    assert (found.split, found.num_photos, found.top1_agreement, found.decision_agreement) == ("test", 9, 1.0, 1.0)
    assert found.max_probability_difference <= 1e-3
    assert found.accuracy == found.preview_accuracy
    answers = made.exporter.preview.answers.answers
    assert 0 < answers.count(UNKNOWN) < len(answers)
    assert why_not_handed_out(made.folder, find_format(name), made.title) is None


@pytest.mark.parametrize("name", ["litert_float16", "litert_dynamic", "litert_int8"])
def test_a_coarser_export_tells_what_it_loses(made: Made, name: str):
    """It is smaller than the one in single precision, and whatever it loses is known before anybody takes it."""
    record = made.make(name)
    assert record.artefact_bytes < 0.6 * made.make("litert").artefact_bytes
    assert certificate_of(made, name).max_probability_difference > 0
    assert certificate_of(made, name).top1_agreement >= 8 / 9
    assert why_not_handed_out(made.folder, find_format(name), made.title) is None


@pytest.fixture
def with_web_runtime(made: Made) -> Iterator[Exporter]:
    """Makes pages, with what runs models in browsers."""
    folder = os.environ.get("BLUETIT_WEB_RUNTIME_DIR")
    if folder is None:
        pytest.skip("needs a network: BLUETIT_WEB_RUNTIME_DIR names no folder with LiteRT for browsers")
    settings = replace(made.workshop.settings, web_runtime_dir=Path(folder))
    write_maker_line(made.folder, "By <Anna>")
    yield Exporter(made.run_id, settings=settings, database=made.workshop.database, check_cancelled=lambda: None)
    remove_export(made.folder, find_format("web"))
    made.folder.forget(made.folder.page_path)


def test_a_page_is_proven_in_a_browser(
    made: Made, with_web_runtime: Exporter, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """It answers as the preview does; where no browser is found it is handed out all the same, and says so."""
    row = find_format("web")
    record = with_web_runtime.make(row, report=lambda *_: None)
    found = record.proven.certificate
    assert found is not None
    assert (found.num_photos, found.top1_agreement, found.decision_agreement) == (9, 1.0, 1.0)
    assert found.max_probability_difference <= MAX_PAGE_DIFFERENCE
    folder = made.unpack("web", tmp_path)
    assert {path.name for path in folder.iterdir()} == {
        *("page.html", "LICENCES.txt", "MODEL_CARD.md", "certificate.json")
    }
    assert "By &lt;Anna&gt;" in (folder / "page.html").read_text("utf-8")
    assert found.packages["browser"] in (folder / "MODEL_CARD.md").read_text("utf-8")
    monkeypatch.setenv("PATH", "")
    unproven = with_web_runtime.make(row, report=lambda *_: None).proven
    assert unproven.certificate is None
    assert unproven.told(row).startswith("It was not proven in a browser here. No Chrome")
    assert why_not_handed_out(made.folder, row, made.title) is None


def test_a_page_without_what_runs_it_is_not_made(made: Made, tmp_path: Path):
    """The file is named, with its size, its address and its place."""
    settings = replace(made.workshop.settings, web_runtime_dir=tmp_path, weights_mirror_url="http://127.0.0.1:9")
    exporter = Exporter(made.run_id, settings=settings, database=made.workshop.database, check_cancelled=lambda: None)
    with pytest.raises(WebRuntimeError, match=r"litert_wasm_compat_internal\.js \(0\.3 MB\)"):
        exporter.make(find_format("web"), report=lambda *_: None)
    assert read_export(made.folder, find_format("web"), made.title) is None


def test_a_zip_has_all_that_the_model_needs_elsewhere(made: Made, tmp_path: Path):
    """The model, its program, photos with their answers, and all that a person has to know of it."""
    folder = made.unpack("litert", tmp_path)
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    samples = {name for name in files if name.startswith("samples/")}
    assert len(samples) == 3
    assert files - samples == {
        *("model.tflite", "labels.txt", "model.json", "MODEL_CARD.md", "LICENCES.txt", "classify.py"),
        *("requirements.txt", "reference.npz", "certificate.json", "expected.json"),
    }
    assert set(expected_of(folder)) == samples
    certificate = json.loads((folder / "certificate.json").read_text("utf-8"))
    assert artefact_sha256(folder / "model.tflite") == certificate["artefact_sha256"]
    assert "blue" in (folder / "MODEL_CARD.md").read_text("utf-8")


def expected_of(folder: Path) -> dict[str, Any]:
    """What an unpacked export promises, by the name of a sample photo."""
    return dict(json.loads((folder / "expected.json").read_text("utf-8")))


class Environments:
    """Fresh environments, each for all requirements that come to the same packages."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder, self._stack = folder, stack
        self._made: dict[frozenset[str], FreshEnvironment] = {}

    def of(self, requirements: Path) -> FreshEnvironment:
        lines = requirements.read_text("utf-8").splitlines()
        packages = frozenset(with_what_they_need(lines))
        if packages not in self._made:
            folder = self._folder / str(len(self._made))
            self._made[packages] = self._stack.enter_context(fresh_environment(folder, lines))
        assert self._made[packages].lacks(requirements) is None
        return self._made[packages]


@pytest.fixture(scope="module")
def environments(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Environments]:
    with ExitStack() as stack:
        yield Environments(tmp_path_factory.mktemp("environments"), stack)


@pytest.mark.parametrize("name", [row.name for row in FORMATS if row.runtime is not Runtime.BROWSER])
def test_every_sample_program_runs_where_only_what_it_names_is_installed(
    made: Made, environments: Environments, tmp_path: Path, name: str
):
    """Unpacked from its zip, as its first line says, it prints the promised answers for the three sample photos.

    The environment has the packages of `requirements.txt` and what these need, and no others; pip itself says that
    nothing is missing. It is made of links to the installed packages: TensorFlow, whose three formats share one, is
    there in a second, where pip needs a minute to get and unpack 2 GB.
    """
    folder = made.unpack(name, tmp_path / "unpacked")
    environment, expected = environments.of(folder / "requirements.txt"), expected_of(folder)
    process = environment.run("classify.py", *expected, cwd=folder)
    assert process.returncode == 0, process.stderr
    said = [re.fullmatch(r"(.+): (.+) \((\d+\.\d)%\)", line) for line in process.stdout.splitlines()]
    assert [line and (line[1], line[2]) for line in said] == [(each, expected[each]["answer"]) for each in expected]
    rounding = 0.0005 + certificate_of(made, name).max_probability_difference
    for line, promised in zip(said, expected.values(), strict=True):
        assert line is not None
        assert float(line[3]) / 100 == pytest.approx(promised["share"], abs=rounding)


def test_a_sample_program_without_a_photo_says_how_it_is_used(made: Made, environments: Environments, tmp_path: Path):
    """Whoever only starts it learns what to do next."""
    folder = made.unpack("litert", tmp_path)
    process = environments.of(folder / "requirements.txt").run("classify.py", cwd=folder)
    assert process.returncode == 1
    assert "python classify.py photo.jpg" in process.stderr
    assert process.stdout == ""


@pytest.mark.parametrize("version", ["3.3.3", "3.8.0"])
def test_older_versions_of_keras_open_it(made: Made, tmp_path: Path, version: str):
    """The sample programs of both files of Keras answer there as they do today."""
    folder, other = made.unpack("keras", tmp_path / "unpacked"), made.unpack("h5", tmp_path / "hdf5")
    (other / "model.h5").rename(folder / "model.h5")
    (other / "classify.py").rename(folder / "classify_hdf5.py")
    expected = expected_of(folder)
    with fresh_environment(tmp_path / "keras", (folder / "requirements.txt").read_text("utf-8").splitlines()) as older:
        if told := older.install(f"keras=={version}"):
            pytest.skip(f"needs a network: Keras {version} cannot be installed: {told}")
        said = ask_programs(older, folder, ["classify", "classify_hdf5"], list(expected))
    assert said["keras"] == version
    for program in ("classify", "classify_hdf5"):
        assert said[program]["answers"] == [one["answer"] for one in expected.values()]
        wanted = [one["probabilities"] for one in expected.values()]
        np.testing.assert_allclose(said[program]["probabilities"], wanted, atol=1e-4)


def without_what_it_learned(model: CalibratedModel) -> CalibratedModel:
    """A model of the same layers whose weights are as they began."""
    other = keras.Model.from_config(model.model.get_config())
    return replace(model, model=other, features=other.get_layer(model.features_layer).output)


def test_an_export_that_answers_otherwise_is_refused(made: Made, monkeypatch: pytest.MonkeyPatch):
    """It is thrown away with the older one, and the reason is told wherever somebody asks for it."""
    row, write = find_format("litert"), litert.write
    made.make(row.name)
    monkeypatch.setattr(litert, "write", lambda model, target: write(without_what_it_learned(model), target))
    record = made.exporter.make(row, report=lambda *_: None)
    assert record.zip_bytes == 0
    assert not zip_path(made.folder, row).exists()
    told = why_not_handed_out(made.folder, row, made.title)
    assert told is not None
    assert "answers otherwise than the preview" in told
    monkeypatch.undo()
    made.exporter.make(row, report=lambda *_: None)
    assert why_not_handed_out(made.folder, row, made.title) is None


@pytest.fixture
def doomed(made: Made) -> Made:
    """A copy of the run, that may be deleted."""
    workshop = made.workshop
    view = workshop.runs.get_run(made.run_id)
    copy = workshop.runs.create_run(view.config, name=workshop.runs.free_name("copy"))
    workshop.runs.set_finished(copy.id, view.outcome)
    folder = RunFolder(workshop.settings, copy.id)
    shutil.copytree(made.folder.path, folder.path, ignore=shutil.ignore_patterns("exports"))
    exporter = Exporter(copy.id, settings=workshop.settings, database=workshop.database, check_cancelled=lambda: None)
    return Made(workshop=workshop, run_id=copy.id, exporter=exporter)


def without_exports(folder: RunFolder) -> bool:
    return not folder.exports_path.is_dir() or not list(folder.exports_path.iterdir())


def test_a_run_that_is_deleted_meanwhile_leaves_nothing(doomed: Made):
    """The export ends with a clear word, and does not bring the folder back."""

    def delete_and_go_on(fraction: float | None, message: str) -> None:
        if message.startswith("Writing"):
            doomed.workshop.runs.trash(doomed.run_id)
            doomed.workshop.run_desk.purge(doomed.run_id)

    with pytest.raises(UnknownRunError, match="may have been deleted for good"):
        doomed.exporter.make(find_format("litert"), report=delete_and_go_on)
    assert not doomed.folder.path.exists()


def test_a_run_that_is_deleted_while_its_zip_is_written_leaves_nothing(doomed: Made, monkeypatch: pytest.MonkeyPatch):
    """It is the run that is missing, not a file."""
    write = zipfile.ZipFile.write

    def delete_and_write(archive: zipfile.ZipFile, *args: str) -> None:
        if doomed.folder.path.exists():
            doomed.workshop.runs.trash(doomed.run_id)
            doomed.workshop.run_desk.purge(doomed.run_id)
        write(archive, *args)

    monkeypatch.setattr(zipfile.ZipFile, "write", delete_and_write)
    with pytest.raises(UnknownRunError, match="may have been deleted for good"):
        doomed.exporter.make(find_format("litert"), report=lambda *_: None)
    assert not doomed.folder.path.exists()


def test_an_export_that_is_stopped_leaves_nothing(doomed: Made):
    """Not even a draft."""

    def stop(fraction: float | None, message: str) -> None:
        if message.startswith("Proving"):
            raise TaskCancelledError("Somebody asked for it.")

    with pytest.raises(TaskCancelledError):
        doomed.exporter.make(find_format("litert"), report=stop)
    assert without_exports(doomed.folder)


def test_a_full_disk_is_told_and_leaves_nothing(doomed: Made, monkeypatch: pytest.MonkeyPatch):
    """Before anything is written where that is foreseen, and in the middle of it where it is not."""
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "disk_usage", lambda _: shutil._ntuple_diskusage(1, 1, 0))  # type: ignore[attr-defined]
        with pytest.raises(NoSpaceError, match="0 MB free"):
            doomed.exporter.make(find_format("litert"), report=lambda *_: None)
    monkeypatch.setattr(zipfile.ZipFile, "write", fill_disk)
    with pytest.raises(NoSpaceError, match="is full"):
        doomed.exporter.make(find_format("litert"), report=lambda *_: None)
    assert without_exports(doomed.folder)


def fill_disk(*_: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("name", "moment"),
    [
        pytest.param("litert", "Putting the model together", id="foreseen"),
        pytest.param("savedmodel", "Writing", id="TensorFlow writes"),
        pytest.param("litert", "Writing", id="TensorFlow converts"),
        pytest.param("onnx", "Writing", id="Python writes"),
        pytest.param("litert", "Proving", id="the sample program answers"),
    ],
)
def test_a_disk_that_fills_up_meanwhile_is_told_and_leaves_nothing(doomed: Made, name: str, moment: str):
    """A real one, by whatever fills it, and whoever meets it first."""
    with small_disk(doomed.folder.exports_path, DISK_BYTES) as disk:

        def fill(_: float | None, message: str) -> None:
            if message.startswith(moment):
                disk.fill()

        with pytest.raises(NoSpaceError, match="Free some space"):
            doomed.exporter.make(find_format(name), report=fill)
        disk.give_back()
        assert list(disk.folder.iterdir()) == []


def state_of(made: Made, name: str) -> ExportState:
    states = made.workshop.exports.states(made.workshop.runs.get_run(made.run_id))
    return {state.row.name: state for state in states}[name]


def test_two_people_who_ask_at_once_get_one_export(doomed: Made):
    """The worker makes it once, says how far it is, and both find it."""
    workshop, row = doomed.workshop, find_format("litert")
    first, second = (workshop.exports.request(doomed.run_id, row.name) for _ in range(2))
    assert first == second
    assert state_of(doomed, row.name).is_being_made
    assert resolve_handler(TASK_KINDS[EXPORT_MODEL_KIND]) is run_export_model_task
    context = workshop.begin(2)
    run_export_model_task(context)
    workshop.end(context, 2, TaskStatus.DONE)
    state = state_of(doomed, row.name)
    assert (state.is_being_made, state.problem, state.obstacle) == (False, None, None)
    assert state.record is not None


def test_the_texts_tell_what_another_person_has_to_know(made: Made, tmp_path: Path):
    """Data, results with intervals, limits, proof, versions, licence; and in JSON all that a program needs."""
    folder = made.unpack("litert", tmp_path)
    card = (folder / "MODEL_CARD.md").read_text("utf-8")
    record, snapshot = read_model_record(made.folder), made.exporter.facts.snapshot
    told = (snapshot.hash, "| blue | 3 | 3 | 3 |", "test photos: ", "It says that it does not know where", "keras 3.")
    assert [each for each in told if each not in card] == []
    assert certificate_of(made, "litert").artefact_sha256 in card
    described = json.loads((folder / "model.json").read_text("utf-8"))
    decision = read_decision(made.folder)
    assert described["class_names"] == list(record.class_names)
    assert described["image_size"] == {"height": SIDE_PX, "width": SIDE_PX}
    assert (described["fit_mode"], described["crop_fraction"]) == (record.fit_mode, record.crop_fraction)
    assert (described["temperature"], described["temperature_is_inside"]) == (decision.temperature, True)
    assert (described["min_probability"], described["max_distance"]) == (
        decision.min_probability,
        decision.max_distance,
    )
    assert "LiteRT" in described["opens_in"]
    assert "started from nothing" in (folder / "LICENCES.txt").read_text("utf-8")


@pytest.mark.parametrize(
    ("backbone", "told"),
    [
        ("EfficientNetLite0", "licensed Apache-2.0"),
        ("hub:https://tfhub.dev/google/one/1", "look it up before you pass the model on"),
        ("Unheard", "does not know, nor its licence"),
    ],
)
def test_licences_are_those_of_the_network(made: Made, backbone: str, told: str):
    """Of the catalogue; what is not known is said to be unknown."""
    record = replace(made.exporter.facts.record, backbone=backbone)
    assert told in " ".join(
        describe_licences(replace(made.exporter.facts, record=record), find_format("litert")).split()
    )


def test_a_damaged_decision_is_no_reason_to_answer_everything(doomed: Made):
    """Nobody takes away a model that refuses less than it does here."""
    doomed.folder.decision_path.write_text("{")
    with pytest.raises(RunFileError, match=r"decision\.json, which says when this model does not know, is damaged"):
        Exporter(
            doomed.run_id,
            settings=doomed.workshop.settings,
            database=doomed.workshop.database,
            check_cancelled=lambda: None,
        )
