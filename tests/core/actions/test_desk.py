"""What happens at the classes of a model is kept with it, and only what is what it says it is."""

import io
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace

import pytest
from PIL import Image

from core.actions import files
from core.actions.desk import ActionDesk
from core.actions.records import Actions, ClassAction
from core.errors import ActionError, LookOnlyError, RunStateError, UnknownRunError
from core.runs.folder import RunFolder
from core.runs.library import RunLibrary
from core.settings import Settings
from core.storage.db import Database, open_database
from tests.core.actions.sounds import mp3, wav
from tests.core.inference.model_runs import NAMES, outcome
from tests.core.inference.model_samples import own_record
from tests.core.projects.project_samples import picture
from tests.core.runs.run_samples import config, take

CAT, COFFEE, YEAR = NAMES


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    return Settings(workspace_dir=tmp_path_factory.mktemp("actions") / "workspace")


@pytest.fixture(scope="module")
def database(settings: Settings) -> Iterator[Database]:
    settings.workspace_dir.mkdir()
    with closing(open_database(settings)) as opened:
        yield opened


AddRun = Callable[[], int]


@pytest.fixture(scope="module")
def add_run(settings: Settings, database: Database) -> AddRun:
    """Makes finished runs; of their models there are the descriptions."""
    dataset_id, snapshot = take(database, "Things", range(3))

    def add() -> int:
        runs = RunLibrary(database)
        run_id = runs.create_run(config(snapshot), name=runs.free_name("Things"), dataset_id=dataset_id).id
        runs.set_finished(run_id, outcome().to_json())
        folder = RunFolder(settings, run_id)
        folder.create()
        folder.write_json(folder.model_record_path, replace(own_record(), class_names=NAMES).to_json())
        return run_id

    return add


@pytest.fixture
def run_id(add_run: AddRun) -> int:
    return add_run()


@pytest.fixture
def desk(settings: Settings, database: Database) -> ActionDesk:
    return ActionDesk(database, RunLibrary(database), settings)


def kept(settings: Settings, run_id: int) -> list[str]:
    return [path.name for path in RunFolder(settings, run_id).action_files()]


def test_what_is_chosen_stays(desk: ActionDesk, settings: Settings, run_id: int) -> None:
    """Words, colour, picture, sound and language, each without touching the others; an empty one is taken away."""
    assert desk.of_run(run_id) == Actions()
    desk.choose(run_id, CAT, ClassAction(words="Meow!", colour="#2f7fd0"))
    desk.put_picture(run_id, CAT, picture(1, "PNG"))
    desk.put_sound(run_id, CAT, mp3())
    desk.speak_in(run_id, "pt-BR")
    action = desk.of_run(run_id).by_class[CAT]
    assert (action.words, action.colour) == ("Meow!", "#2f7fd0")
    assert sorted(action.files) == kept(settings, run_id)
    with Image.open(desk.file_path(run_id, str(action.picture))) as image:
        assert image.format == "JPEG"
    assert desk.file_path(run_id, str(action.sound)).read_bytes() == mp3()
    desk.choose(run_id, CAT, ClassAction())
    assert desk.of_run(run_id) == Actions(language="pt-BR")
    assert kept(settings, run_id) == []


def test_a_file_that_two_classes_need_is_kept_once(desk: ActionDesk, settings: Settings, run_id: int) -> None:
    """And stays until neither does; one that is chosen in its place takes it away."""
    for name in (CAT, COFFEE):
        desk.put_sound(run_id, name, wav())
    assert len(kept(settings, run_id)) == 1
    desk.put_sound(run_id, CAT, wav(9))
    assert len(kept(settings, run_id)) == 2
    desk.choose(run_id, COFFEE, ClassAction())
    assert kept(settings, run_id) == [desk.of_run(run_id).by_class[CAT].sound]


def test_a_large_picture_is_made_smaller(desk: ActionDesk, run_id: int) -> None:
    """And loses what its file said of camera and place."""
    exif = Image.Exif()
    exif[0x010E] = "secret"
    target = io.BytesIO()
    Image.new("RGB", (2400, 1800), "#3a7").save(target, "JPEG", exif=exif)
    desk.put_picture(run_id, CAT, target.getvalue())
    data = desk.file_path(run_id, str(desk.of_run(run_id).by_class[CAT].picture)).read_bytes()
    assert b"secret" not in data
    with Image.open(io.BytesIO(data)) as image:
        assert image.size == (1600, 1200)


@pytest.mark.parametrize("data", [b"", b"<svg xmlns='x'/>", b"\xff\xd8\xff cut", wav()])
def test_what_is_no_picture(desk: ActionDesk, settings: Settings, run_id: int, data: bytes) -> None:
    """Is refused with a sentence, and nothing is written."""
    with pytest.raises(ActionError):
        desk.put_picture(run_id, CAT, data)
    assert kept(settings, run_id) == []


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"colour": "blue"}, "is no colour"),
        ({"colour": "#2F7FD0"}, "is no colour"),
        ({"words": "a" * 121}, "at most 120"),
        ({"words": "a\u202eb"}, "visible"),
        ({"picture": "../../secret.jpg"}, "is no picture"),
        ({"picture": f"action-{'0' * 64}.wav"}, "is no picture"),
        ({"sound": f"action-{'0' * 64}.jpg"}, "is no sound"),
        ({"sound": f"action-{'0' * 63}.wav"}, "is no sound"),
    ],
)
def test_what_cannot_happen(values: dict[str, str], words: str) -> None:
    """No record can be made of it, wherever it came from."""
    with pytest.raises(ActionError, match=words):
        ClassAction(**values)


def test_what_is_not_there_cannot_be_chosen(desk: ActionDesk, add_run: AddRun, run_id: int) -> None:
    """Neither a class that the model does not have, nor a file of another run."""
    other = add_run()
    desk.put_sound(other, CAT, wav(5))
    theirs = desk.of_run(other).by_class[CAT]
    for choose in (
        lambda: desk.choose(run_id, "dog", ClassAction(words="Wow")),
        lambda: desk.put_sound(run_id, "dog", wav()),
    ):
        with pytest.raises(ActionError, match="has no class “dog”"):
            choose()
    with pytest.raises(ActionError, match="is not there any more"):
        desk.choose(run_id, CAT, theirs)
    for name in (str(theirs.sound), "model.json", "../1/model.json"):
        with pytest.raises(ActionError):
            desk.file_path(run_id, name)
    with pytest.raises(UnknownRunError):
        desk.of_run(999_999)


def test_reactions_are_taken_over(desk: ActionDesk, add_run: AddRun, run_id: int) -> None:
    """For classes of the same names, with what they need; the others stay as they are."""
    other = add_run()
    desk.choose(run_id, CAT, ClassAction(words="Meow!"))
    desk.put_sound(run_id, COFFEE, wav(7))
    desk.choose(other, YEAR, ClassAction(colour="#000000"))
    assert desk.take_over(other, run_id) == 2
    assert set(desk.of_run(other).by_class) == {CAT, COFFEE, YEAR}
    assert desk.file_path(other, str(desk.of_run(other).by_class[COFFEE].sound)).read_bytes() == wav(7)


def test_who_only_looks_changes_nothing(desk: ActionDesk, database: Database, settings: Settings, run_id: int) -> None:
    """Nor does anybody at a run in the trash."""
    looking = database.for_reading()
    with pytest.raises(LookOnlyError):
        ActionDesk(looking, RunLibrary(looking), settings).choose(run_id, CAT, ClassAction(words="Hello"))
    RunLibrary(database).trash(run_id)
    with pytest.raises(RunStateError):
        desk.choose(run_id, CAT, ClassAction(words="Hello"))
    assert desk.of_run(run_id).is_empty


def test_a_model_has_room_for_so_much(desk: ActionDesk, run_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """A page that holds it all is still to be sent."""
    monkeypatch.setattr(files, "MAX_KEPT_BYTES", 1_000)
    desk.put_sound(run_id, CAT, wav())
    with pytest.raises(ActionError, match="Take some away"):
        desk.put_sound(run_id, COFFEE, wav(8))


def test_a_damaged_file_is_told(desk: ActionDesk, settings: Settings, run_id: int) -> None:
    """With the remedy."""
    folder = RunFolder(settings, run_id)
    folder.write_json(folder.actions_path, {"by_class": {CAT: {"charm": 3}}})
    with pytest.raises(ActionError, match=r"no charm.*choose the reactions again"):
        desk.of_run(run_id)
