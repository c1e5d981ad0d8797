"""The teacher's board: only the teacher has it, and what is decided there happens."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from streamlit.runtime.context import ContextProxy
from streamlit.testing.v1 import AppTest

from core.errors import NotLetInError
from core.hosting.invitation import Invitation
from core.services import Services
from core.settings import Settings
from core.spaces.deleting.desk import DELETE_KIND
from core.spaces.handing_out import HAND_OUT_KIND
from core.spaces.records import SpaceView
from core.spaces.taking_home import TAKE_HOME_KIND
from core.storage.schema import HOME_SPACE_ID
from pages.server import class_roll
from pages.server.class_routes import tell_class_now, tell_notice_now
from pages.server.invited import INVITATION_BOARD
from pages.server.services import whole_services
from tests.core.spaces.class_samples import collect, learn, perform, places_of

OpenApp = Callable[..., AppTest]

TEACHER, OTTER = "t" * 43, "o" * 43

pytestmark = pytest.mark.usefixtures("no_workers")


@pytest.fixture
def services(open_app: OpenApp, settings: Settings) -> Iterator[Services]:
    """A class with two pupils, one of whom has photos and a model."""
    open_app(replace(settings, access="class"))  # whoever comes first opens the services
    services = whole_services()
    classroom, password = services.classroom.hold()
    services.classroom.enter_as_teacher(classroom.id, password, TEACHER)
    otter, _ = services.classroom.enter(classroom.id, "Quiet Otter", OTTER)
    services.classroom.enter(classroom.id, "Brave Heron", "h" * 43)
    own = services.of_space(otter.id)
    learn(own, collect(own, range(12)))
    return services


def pupils_of(services: Services) -> list[SpaceView]:
    classroom = services.classroom.current()
    assert classroom is not None
    return services.spaces.of_classroom(classroom.id)[1:]


def open_board(open_app: OpenApp, services: Services) -> AppTest:
    app = open_app(services.settings, secret=TEACHER)
    app.switch_page("pages/board/page.py").run()
    assert not app.exception, app.exception
    return app


def press(app: AppTest, label: str) -> AppTest:
    next(each for each in app.button if each.label == label).click()
    app.run()
    assert not app.exception, app.exception
    return app


def texts(app: AppTest) -> str:
    return "\n".join(each.value for each in (*app.markdown, *app.info, *app.error, *app.caption))


def test_only_the_teacher_has_the_page(open_app: OpenApp, services: Services) -> None:
    """A pupil does not find it, and is refused where the address is known."""
    pupil = open_app(services.settings, secret=OTTER)
    pupil.switch_page("pages/board/page.py").run()
    assert not any("Class code" in each.value for each in pupil.markdown)
    assert "Class code" in texts(open_board(open_app, services))


def test_what_the_board_tells(services: Services) -> None:
    """Each pupil with photos, runs, how good the best is, and whether they are here."""
    classroom = services.classroom.current()
    assert classroom is not None
    told = tell_class_now(classroom)
    otter, heron = told["spaces"]
    assert told["heading"] == "2 of 2 pupils here"
    assert (otter["name"], otter["has"], otter["doing"]) == ("Quiet Otter", "12 photos · 1 run", "here")
    assert otter["best"].endswith("% ?")  # of so few photos it may be luck
    assert "on 6 photos" in otter["interval"]
    assert (heron["has"], heron["best"]) == ("0 photos", "")


def test_everybody_is_paused(open_app: OpenApp, services: Services) -> None:
    """Pupils read the line until they may go on."""
    app = press(open_board(open_app, services), "Pause everybody")
    assert services.classroom.current().paused_text == "Eyes to me"
    press(app, "Go on")
    assert services.classroom.current().paused_text is None


def test_the_room_is_closed(open_app: OpenApp, services: Services) -> None:
    """The code is not shown any more, and nobody comes in."""
    app = press(open_board(open_app, services), "Close the room")
    classroom = services.classroom.current()
    assert classroom is not None
    assert not classroom.is_open
    assert classroom.code not in texts(app)
    press(app, "Open the room")
    assert classroom.code in texts(app)


def open_pupil(app: AppTest, pupil: SpaceView) -> AppTest:
    app.session_state["board.opened"] = pupil.id
    return app.run()


def test_a_pupil_who_lost_the_code(open_app: OpenApp, services: Services) -> None:
    """The teacher reads out a new one, which opens the pupil's space."""
    pupil = pupils_of(services)[0]
    app = press(open_pupil(open_board(open_app, services), pupil), "New pick-up code")
    assert pupil.classroom_id is not None
    assert services.classroom.pick_up(pupil.classroom_id, app.code[0].value, "another").id == pupil.id


def test_a_pupil_is_renamed(open_app: OpenApp, services: Services) -> None:
    """To a name that nobody else has."""
    app = open_pupil(open_board(open_app, services), pupils_of(services)[0])
    for name in ("Brave Heron", "Noisy Otter"):
        app.text_input(key=f"board.name.{pupils_of(services)[0].id}").set_value(name)
        press(app, "Rename")
        if name == "Brave Heron":
            assert "Somebody else is" in texts(app)
    assert [each.name for each in pupils_of(services)] == ["Noisy Otter", "Brave Heron"]


def test_a_pupil_is_removed(open_app: OpenApp, services: Services) -> None:
    """After a question; the browser is let out at once, and a receipt follows."""
    app = open_pupil(open_board(open_app, services), pupils_of(services)[0])
    assert next(each for each in app.button if each.label == "Remove from the class").disabled
    app.checkbox(key="board.remove.sure").check().run()
    press(app, "Remove from the class")
    assert [each.name for each in pupils_of(services)] == ["Brave Heron"]
    assert services.spaces.find_by_secret(OTTER) is None
    perform(services, DELETE_KIND)
    assert "Everything of a pupil is deleted" in texts(app.run())


def test_looking_at_results(open_app: OpenApp, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """The teacher sees how good the model is and where it fails, and the pupil sees that."""
    monkeypatch.setattr(class_roll, "_FRESH_SECONDS", 0.0)
    pupil = pupils_of(services)[0]
    app = press(open_pupil(open_board(open_app, services), pupil), "Look at the results")
    assert "right** on 6 photos" in texts(app)
    assert "mistake" in texts(app)
    assert tell_notice_now(services.of_space(pupil.id))["is_looked_at"]
    app = press(app, "Back to the class")
    assert not tell_notice_now(services.of_space(pupil.id))["is_looked_at"]
    assert "Class code" in texts(app)


def test_a_dataset_is_handed_out(open_app: OpenApp, services: Services) -> None:
    """Each pupil has it, and the board says so."""
    teacher = services.spaces.find_by_secret(TEACHER)
    assert teacher is not None
    dataset_id = collect(services.of_space(teacher.id), range(50, 54), name="Fish")
    app = open_board(open_app, services)
    app.selectbox(key="board.hand_out.dataset.In this class").set_value(dataset_id).run()
    press(app, "Hand out")
    perform(services, HAND_OUT_KIND)
    assert "2 pupils have it" in texts(app.run())
    names = [
        [each.name for each in services.of_space(pupil.id).library.datasets.all()] for pupil in pupils_of(services)
    ]
    assert [sorted(each) for each in names] == [["Birds", "Fish"], ["Fish"]]


def test_what_was_made_without_a_class_is_handed_out(
    open_app: OpenApp, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the computer of the class alone: whoever has the password elsewhere is told nothing of it."""
    home = services.of_space(HOME_SPACE_ID)
    dataset_id = collect(home, range(60, 64), name="Of the owner")
    key = "board.hand_out.dataset.On this computer, without a class"
    app = open_board(open_app, services)
    assert key not in [each.key for each in app.selectbox]
    invitation = Invitation(typed="otter", link="http://otter", others=(), notes=(), has_warning=False)
    monkeypatch.setattr(INVITATION_BOARD, "_invitation", invitation)
    monkeypatch.setattr(ContextProxy, "ip_address", None)
    app.run()
    app.selectbox(key=key).set_value(dataset_id).run()
    monkeypatch.setattr(ContextProxy, "ip_address", "192.168.0.7")
    next(each for each in app.button if each.label == "Hand out").click().run()
    assert "at that computer alone" in texts(app)
    monkeypatch.setattr(ContextProxy, "ip_address", None)
    app.run()
    app.selectbox(key=key).set_value(dataset_id).run()
    press(app, "Hand out")
    perform(services, HAND_OUT_KIND)
    assert "Of the owner" in texts(app.run())
    for pupil in pupils_of(services):
        assert "Of the owner" in [each.name for each in services.of_space(pupil.id).library.datasets.all()]
    assert len(home.library.datasets.all()) == 1


def test_projects_to_take_home(open_app: OpenApp, services: Services) -> None:
    """Packed, and offered to the teacher alone."""
    app = press(open_board(open_app, services), "Pack everything")
    perform(services, TAKE_HOME_KIND)
    app.run()
    link = app.get("link_button")[0].proto
    assert "Download all" in link.label
    assert "/classes/" in link.url


def test_the_end_of_the_class(open_app: OpenApp, services: Services) -> None:
    """Everything is deleted after a question, the receipt can be downloaded and put away, and a pupil is out."""
    needles = [b"Quiet Otter", b"IMG secret 3.jpg"]
    otter = services.of_space(pupils_of(services)[0].id)
    app = open_board(open_app, services)
    app.checkbox(key="board.delete.sure").check().run()
    press(app, "Delete everything")
    assert "is being deleted" in app.get("progress")[0].proto.text
    with pytest.raises(NotLetInError):
        tell_notice_now(otter)
    perform(services, DELETE_KIND)
    app.run()
    assert "Everything of the class is deleted**: 12 photos, 1 model of 2 pupils" in texts(app)
    assert len(app.get("download_button")) == 2
    assert places_of(services.settings, needles) == []
    press(app, "Put away")
    assert "is deleted" not in texts(app)
