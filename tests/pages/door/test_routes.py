"""The door over HTTP: who comes in by which code, what a browser gets for it, and who does not come in."""

import re

import pytest

from core.services import Services
from core.spaces.classroom import ClassroomView
from core.spaces.records import SpaceKind
from pages.door import coming_in
from pages.door.coming_in import way_of
from pages.server.visitor import COOKIE_NAME, new_secret
from tests.pages.conftest import OpenServices
from tests.pages.door.conftest import Clock
from tests.pages.door.visitors import DOOR, HTML, Visitor

WRONG_CODES = ("AAAAAA", "BBBBBB")


def wrong_code(classroom: ClassroomView) -> str:
    return next(code for code in WRONG_CODES if code != classroom.code)


def secret_of(visitor: Visitor) -> str | None:
    return visitor.cookies.get(COOKIE_NAME)


# Whoever is not let in


def test_whatever_is_asked_for_leads_to_the_door(visitor: Visitor, classroom: ClassroomView) -> None:
    """By a relative way, and the page that was asked for goes along."""
    assert visitor.open("/").headers["location"] == "./bluetit/door"
    answer = visitor.open("/dataset?dataset=3")
    assert (answer.status_code, answer.headers["location"]) == (303, "./bluetit/door?to=dataset%3Fdataset%3D3")
    assert visitor.open("/dataset/").headers["location"].startswith("../bluetit/door")


@pytest.mark.parametrize("path", ["/_stcore/upload_file/session/file", "/_stcore/agent/interact", "/media/picture.png"])
def test_what_is_of_sessions_is_not_served(visitor: Visitor, classroom: ClassroomView, path: str) -> None:
    """Nobody puts 200 MB into the memory of a server that has not let them in."""
    assert visitor.ask("PUT", path, content=b"x").status_code == 403


def test_a_browser_that_never_was_here_gets_no_secret(visitor: Visitor, classroom: ClassroomView) -> None:
    """What opens a space is made when somebody is let in, and at no other time."""
    visitor.open("/")
    visitor.open()
    assert secret_of(visitor) is None


def test_a_short_address_for_a_qr_code(visitor: Visitor, classroom: ClassroomView) -> None:
    """The address of the app with the code in it leads to the names."""
    location = visitor.open(f"/?code={classroom.code}").headers["location"]
    assert location == f"./bluetit/door?code={classroom.code}"


# Coming in


def test_a_pupil_comes_in(visitor: Visitor, services: Services, classroom: ClassroomView) -> None:
    """Code, name, a pick-up code to write down, and the app is open at the page that was asked for."""
    visitor.open(f"{DOOR}?to=train")
    visitor.send("code", code=classroom.code.lower(), to="train")
    names = visitor.names()
    assert len(names) == 3
    answer = visitor.send("name", code=classroom.code, to="train", name=names[1])
    assert names[1] in answer.text
    assert 'href="../train"' in answer.text
    assert re.fullmatch("[A-Z]{4}-[A-Z]{4}-[A-Z]{2}", visitor.shown_code())
    space = services.spaces.find_by_secret(str(secret_of(visitor)))
    assert space is not None
    assert (space.kind, space.name) == (SpaceKind.PUPIL, names[1])
    assert visitor.is_in()


def test_a_scan_goes_straight_to_the_names(visitor: Visitor, classroom: ClassroomView) -> None:
    """The address of the QR code holds the class code."""
    visitor.open(f"{DOOR}?code={classroom.code}", **{"sec-fetch-site": "none"})
    assert len(visitor.names()) == 3


def test_a_link_elsewhere_only_fills_the_code_in(visitor: Visitor, classroom: ClassroomView) -> None:
    """Another site cannot use a pupil's browser to guess, or to lock its address out."""
    for _ in range(30):
        answer = visitor.open(f"{DOOR}?code={wrong_code(classroom)}", **{"sec-fetch-site": "cross-site"})
    assert visitor.problem() == ""
    assert f'value="{wrong_code(classroom)}"' in answer.text


def test_the_cookie_outlives_the_browser(visitor: Visitor, classroom: ClassroomView) -> None:
    """For two weeks from the last visit, and no script sees it."""
    visitor.join(classroom.code)
    cookie = next(value for value in visitor.answer.headers.get_list("set-cookie") if value.startswith(COOKIE_NAME))
    assert re.fullmatch(rf"{COOKIE_NAME}=[\w-]{{43}}; Path=/; HttpOnly; SameSite=Lax; Max-Age=1209600", cookie)
    (again,) = visitor.open("/train").headers.get_list("set-cookie")
    assert again == cookie


def test_over_https_the_cookie_stays_there(classroom: ClassroomView) -> None:
    """It is never sent in the open."""
    visitor = Visitor(scheme="https")
    visitor.join(classroom.code)
    assert visitor.answer.headers.get_list("set-cookie")[0].endswith("; Secure")


def test_a_planted_cookie_opens_nothing(visitor: Visitor, services: Services, classroom: ClassroomView) -> None:
    """Who is let in gets a secret that nobody knew before, so whoever planted one stays outside."""
    planted = new_secret()
    visitor.cookies.set(COOKIE_NAME, planted, domain="here.local")
    visitor.send("code", code=classroom.code)
    visitor.send("name", code=classroom.code, name=visitor.names()[0])
    assert secret_of(visitor) not in (None, planted)
    assert services.spaces.find_by_secret(planted) is None


def test_a_name_of_ones_own_is_refused(visitor: Visitor, services: Services, classroom: ClassroomView) -> None:
    """Nothing personal, nothing rude: other names are offered."""
    visitor.open()
    answer = visitor.send("name", code=classroom.code, name="Anna <script>")
    assert answer.status_code == 409
    assert len(visitor.names()) == 3
    assert len(services.spaces.of_classroom(classroom.id)) == 1


def test_a_name_that_somebody_took(visitor: Visitor, classroom: ClassroomView) -> None:
    """The second is told, and offered others."""
    other = Visitor("192.168.0.2")
    for each in (visitor, other):
        each.open()
        each.send("name", code=classroom.code, name="Quiet Otter")
    assert "Somebody else is “Quiet Otter”" in other.problem()
    assert not other.is_in()


def test_a_form_sent_twice(visitor: Visitor, services: Services, classroom: ClassroomView) -> None:
    """A pupil who presses twice is one pupil."""
    visitor.join(classroom.code)
    answer = visitor.send("name", code=classroom.code, name="Brave Heron")
    assert (answer.status_code, answer.headers["location"]) == (303, "../")
    assert len(services.spaces.of_classroom(classroom.id)) == 2


def test_a_press_that_comes_twice(visitor: Visitor, services: Services, classroom: ClassroomView) -> None:
    """Though the browser had not heard of the first when it sent the second: one pupil, with one pick-up code."""
    visitor.open()
    visitor.send("code", code=classroom.code)
    names, mark = visitor.names(), visitor.shown_mark()
    answers = []
    for _ in range(2):
        visitor.cookies.delete(COOKIE_NAME) if secret_of(visitor) else None
        visitor.send("name", code=classroom.code, name=names[0], mark=mark)
        answers.append((visitor.answer.status_code, visitor.shown_code(), secret_of(visitor)))
    assert answers[0] == answers[1]
    assert len(services.spaces.of_classroom(classroom.id)) == 2
    assert visitor.is_in()


def test_a_pickup_code_in_the_wrong_field(visitor: Visitor, classroom: ClassroomView) -> None:
    """Is recognised by its length, and the right field named."""
    visitor.open()
    visitor.send("code", code="abcd-efgh-jk")
    assert "I was here before" in visitor.problem()


def test_a_class_that_is_full(
    visitor: Visitor, services: Services, classroom: ClassroomView, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever knows the code cannot fill the disk with spaces."""
    monkeypatch.setattr(coming_in, "_MAX_PUPILS", 1)
    visitor.join(classroom.code)
    late = Visitor("192.168.0.2")
    late.open()
    assert late.send("name", code=classroom.code, name="Brave Heron").status_code == 403
    assert "full" in late.answer.text
    assert len(services.spaces.of_classroom(classroom.id)) == 2


def test_two_browsers_have_two_spaces(visitor: Visitor, services: Services, classroom: ClassroomView) -> None:
    """Whoever comes in by the class code shares nothing with others who did."""
    other = Visitor("192.168.0.2")
    for each in (visitor, other):
        each.join(classroom.code)
    spaces = [services.spaces.find_by_secret(str(secret_of(each))) for each in (visitor, other)]
    assert spaces[0] is not None
    assert spaces[1] is not None
    assert spaces[0].id != spaces[1].id


def test_another_device_comes_in_by_the_pickup_code(
    visitor: Visitor, services: Services, classroom: ClassroomView
) -> None:
    """However it is typed; with a secret of its own."""
    pickup = visitor.join(classroom.code)
    tablet = Visitor("192.168.0.2")
    tablet.open()
    answer = tablet.send("pickup", pickup=pickup.lower().replace("-", " "), to="results?run=1")
    assert answer.headers["location"] == "../results?run=1"
    assert secret_of(tablet) != secret_of(visitor)
    spaces = [services.spaces.find_by_secret(str(secret_of(each))) for each in (visitor, tablet)]
    assert spaces[0] is not None
    assert spaces[0] == spaces[1]


def test_the_teacher_signs_in_twice(services: Services, held: tuple[ClassroomView, str]) -> None:
    """Two teachers, or one with two browsers, are in the same space, and begin at the board."""
    browsers = [Visitor("192.168.0.2"), Visitor("192.168.0.3")]
    for each in browsers:
        each.open(f"{DOOR}?step=teacher")
        assert each.send("password", password=held[1].lower()).headers["location"] == "../class"
        assert each.is_in()
    kinds = [services.spaces.find_by_secret(str(secret_of(each))) for each in browsers]
    assert [each is not None and each.kind for each in kinds] == [SpaceKind.TEACHER] * 2


# Who does not come in


def test_wrong_codes_are_slowed_and_locked_out(visitor: Visitor, classroom: ClassroomView, clock: Clock) -> None:
    """The right one, too, has to wait then, and the page says how long; another pupil is let in meanwhile."""
    visitor.open()
    answers = [visitor.send("code", code=wrong_code(classroom)) for _ in range(6)]
    assert [answer.status_code for answer in answers] == [403] * 5 + [429]
    assert "You can try again in 5 seconds" in visitor.problem()
    assert answers[-1].headers["retry-after"] == "5"
    assert visitor.send("code", code=classroom.code).status_code == 429
    assert Visitor("192.168.0.2").join(classroom.code)
    clock.now += 5.0
    assert visitor.send("code", code=classroom.code).status_code == 200


@pytest.mark.parametrize(("do", "field"), [("pickup", "pickup"), ("password", "password")])
def test_pickup_codes_and_passwords_are_guarded(
    visitor: Visitor, classroom: ClassroomView, do: str, field: str
) -> None:
    """Each by itself: who mistypes a pick-up code can still sign in."""
    visitor.open()
    statuses = [visitor.send(do, **{field: f"WRONGWRON{letter}"}).status_code for letter in "ABCDEF"]
    assert statuses == [403] * 5 + [429]
    assert visitor.send("code", code=classroom.code).status_code == 200


def test_hundreds_of_tries_over_http(classroom: ClassroomView) -> None:
    """From fifty addresses at once, no more are looked at than a hundred and fifty."""
    browsers = [Visitor(f"10.0.0.{number}") for number in range(50)]
    statuses = []
    for browser in browsers:
        browser.cookies.set("bluetit_door", "1")
        statuses += [browser.send("code", code=wrong_code(classroom)).status_code for _ in range(6)]
    assert statuses.count(403) + statuses.count(429) == 300
    assert statuses.count(403) <= 150


def test_a_closed_class(visitor: Visitor, services: Services, classroom: ClassroomView) -> None:
    """Nobody comes in, the code is not even looked at, who is in stays, and the teacher can still sign in."""
    pickup = visitor.join(classroom.code)
    services.classroom.set_open(classroom.id, is_open=False)
    late = Visitor("192.168.0.2")
    for answer in (
        late.open(),
        late.open(f"{DOOR}?code={classroom.code}"),
        late.send("code", code=classroom.code),
        late.send("name", code=classroom.code, name="Brave Heron"),
        late.send("pickup", pickup=pickup),
    ):
        assert answer.status_code == 403
        assert "closed at the moment" in answer.text
    assert visitor.is_in()
    assert late.open(f"{DOOR}?step=teacher").status_code == 200


def test_no_class_is_held(visitor: Visitor, services: Services) -> None:
    """The page says what to do."""
    assert visitor.open().status_code == 503
    assert "bluetit class" in visitor.answer.text


def test_a_cookie_of_a_deleted_space(visitor: Visitor, services: Services, classroom: ClassroomView) -> None:
    """It leads to the door, which says so and forgets it."""
    visitor.join(classroom.code)
    services.spaces.let_out(str(secret_of(visitor)))
    assert visitor.open("/dataset").status_code == 303
    visitor.open(f"{DOOR}?to=dataset")
    assert "Your place is not here any more" in visitor.problem()
    assert secret_of(visitor) is None
    visitor.open()
    assert visitor.problem() == ""


def test_a_browser_without_cookies(classroom: ClassroomView) -> None:
    """It is told, instead of being led in a circle."""
    visitor = Visitor()
    answer = visitor.send("code", code=classroom.code)
    assert answer.status_code == 403
    assert "keeps no cookies" in answer.text


@pytest.mark.parametrize(
    "headers",
    [{"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"origin": "https://elsewhere.example"}],
    ids=["cross-site", "same-site", "origin"],
)
def test_forms_of_other_sites(visitor: Visitor, classroom: ClassroomView, headers: dict[str, str]) -> None:
    """Nobody is put into somebody's space by a page elsewhere."""
    visitor.open()
    data = {"do": "code", "code": classroom.code}
    assert visitor.ask("POST", DOOR, data=data, headers=headers).status_code == 403


def test_forms_of_old_browsers(visitor: Visitor, classroom: ClassroomView) -> None:
    """They do not say from which site they ask, but from which page."""
    visitor.open()
    answer = visitor.ask("POST", DOOR, data={"do": "code", "code": classroom.code}, headers={"origin": "http://here"})
    assert answer.status_code == 200


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"do=fly", b"&" * 100, b"do=code&do=name&code"])
def test_forms_that_are_none(visitor: Visitor, classroom: ClassroomView, body: bytes) -> None:
    """They lead nowhere."""
    visitor.open()
    headers = {**HTML, "content-type": "application/x-www-form-urlencoded"}
    assert visitor.ask("POST", DOOR, content=body, headers=headers).status_code in (303, 403, 409)
    assert not visitor.is_in()


def test_a_form_that_is_too_long(visitor: Visitor, classroom: ClassroomView) -> None:
    """No more of it is read than any code is long."""
    visitor.open()
    assert visitor.send("code", code="A" * 10_000).status_code == 413


@pytest.mark.parametrize(
    ("asked", "to"),
    [
        ("", ""),
        ("dataset", "dataset"),
        ("dataset?dataset=3&section=x", "dataset?dataset=3&section=x"),
        ("?photos=abc", "?photos=abc"),
        ("//elsewhere.example", ""),
        ("https://elsewhere.example", ""),
        ("javascript:alert(1)", ""),
        ("../../etc", ""),
        ("dataset\r\nSet-Cookie: x=1", ""),
        ("dataset#x y", ""),
        ("a" * 1_000, ""),
    ],
)
def test_where_one_lands_afterwards(asked: str, to: str) -> None:
    """On a page of the app, whatever the address says."""
    assert way_of({"to": asked}).to == to


# Whoever is in


def test_a_pickup_code_is_renewed(visitor: Visitor, classroom: ClassroomView) -> None:
    """The new one is shown once; the old one opens nothing."""
    old = visitor.join(classroom.code)
    visitor.send("renew")
    new = visitor.shown_code()
    tablet = Visitor("192.168.0.2")
    tablet.open()
    assert tablet.send("pickup", pickup=old).status_code == 403
    assert tablet.send("pickup", pickup=new).status_code == 303


def test_a_stolen_pickup_code(visitor: Visitor, classroom: ClassroomView) -> None:
    """Whose space it is sees that somebody came, throws them out, and gets another code; not the other way round."""
    pickup = visitor.join(classroom.code)
    thief = Visitor("192.168.0.66")
    thief.open()
    thief.send("pickup", pickup=pickup)
    assert "Another device came in" not in thief.open().text
    assert "Another device came in with your pick-up code" in visitor.open().text
    thief.send("not_me")
    assert visitor.is_in()
    stolen = thief.shown_code()
    visitor.send("not_me")
    assert not thief.is_in()
    assert visitor.is_in()
    assert "Another device came in" not in visitor.open().text
    for code in (pickup, stolen):
        assert thief.send("pickup", pickup=code).status_code == 403


def test_leaving(visitor: Visitor, services: Services, classroom: ClassroomView) -> None:
    """The device forgets, what is of the pupil stays, and the pick-up code leads back."""
    pickup = visitor.join(classroom.code)
    secret = str(secret_of(visitor))
    visitor.send("leave")
    assert secret_of(visitor) is None
    assert services.spaces.find_by_secret(secret) is None
    assert not visitor.is_in()
    assert visitor.send("pickup", pickup=pickup).status_code == 303
    assert visitor.is_in()


def test_who_is_out_changes_nothing(visitor: Visitor, classroom: ClassroomView) -> None:
    """Forms of those who were thrown out say so."""
    visitor.open()
    assert [visitor.send(do).status_code for do in ("renew", "not_me")] == [403, 403]


# Where nobody is asked


@pytest.mark.parametrize("access", ["alone", "open"])
def test_there_is_no_door_where_nobody_is_asked(open_with: OpenServices, visitor: Visitor, access: str) -> None:
    """The app opens at once, and the door leads to it."""
    open_with(access)
    assert visitor.is_in()
    assert secret_of(visitor) is not None
    assert visitor.open().headers["location"] == "../"


@pytest.mark.parametrize("wanted", ["", "train", "results?run=1", "bluetit/try/Ab_-9", "dataset?x=//other.example"])
def test_where_the_door_leads(wanted: str) -> None:
    """To a page of the app, or to a model that somebody lets others try."""
    assert way_of({"to": wanted}).to == wanted


@pytest.mark.parametrize(
    "wanted",
    [
        *("https://other.example", "//other.example", "/\\other.example", "\\\\other.example", "javascript:alert(1)"),
        *("/train", "../train", "train/..", "train\r\nSet-Cookie: a=b", "train\n", "bluetit/door", "train#here"),
        *("bluetit/try/", "bluetit/try/..", "bluetit/try/../door", "bluetit/try/a/about", "bluetit/try/a?to=b"),
        *("bluetit/try/%2e%2e", "bluetit/try//other.example", "/bluetit/try/a", "bluetit/try/a\n", "BLUETIT/try/a"),
        *("bluetit/try/" + "a" * 61, "a" * 61, "bluetit\\try\\a", "\tbluetit/try/a", "bluetit/try/\u202ea"),
    ],
)
def test_where_the_door_never_leads(wanted: str, visitor: Visitor, classroom: ClassroomView) -> None:
    """To another site, out of the app, or to a route: the first page opens instead."""
    assert way_of({"to": wanted}).to == ""
    visitor.open()
    visitor.send("code", code=classroom.code, to=wanted)
    answer = visitor.send("name", code=classroom.code, to=wanted, name=visitor.names()[0])
    assert 'class="primary" href="../"' in answer.text
