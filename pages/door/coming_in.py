"""What the door answers to each step of somebody who comes in, goes on or leaves; no HTTP in here.

Whoever is let in gets a secret that is made at that moment: one that somebody had planted in the browser before opens
nothing. Codes and passwords are looked at only as often as `GuessGuard` allows.
"""

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from core.errors import NotLetInError, SpaceError
from core.services import Services
from core.spaces.animals import is_animal_name
from core.spaces.classroom import ClassroomView
from core.spaces.codes import PICKUP_CODE_LENGTH, read_code
from core.spaces.guessing import GuessGuard
from core.spaces.records import SpaceKind, SpaceView
from core.spaces.registry import KeyView, hash_secret
from pages.door import letters
from pages.door.letters import Way
from pages.door.repeats import Repeats
from pages.server.visitor import new_secret
from pages.words.animals import picture_of

# A page of the app with its parameters, or that of a model which somebody lets others try: no other site, no file, no
# other route.
_PLACE = re.compile(r"[A-Za-z0-9_-]{0,60}(\?[!-~]{0,500})?|bluetit/try/[A-Za-z0-9_-]{1,60}")
_BOARD = "class"  # where teachers begin
_MAX_CODE_CHARS = 40
_MAX_OFFERS = 5
_MAX_PUPILS = 150  # five classes: whoever knows the code cannot come in without end

_NO_CLASS = (
    "Nobody holds a class here at present. Whoever runs Bluetit starts one with the command “bluetit class”.",
    503,
)
_CLOSED = "The class is closed at the moment. Ask your teacher to open it."
_FULL = f"{_MAX_PUPILS} are in already. Your teacher can take out those who are not here."
_WRONG_CODE = "No class has this code. Look at the board again: six letters, no digits."
_IS_PICKUP = "That looks like a pick-up code. Press “I was here before”, and type it there."
_NOT_YOURS = (
    "Your place is not here any more: it was deleted, or you were taken out. Come in again, or ask your teacher."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the door answers: a page, or a way on."""

    html: str = ""
    status: int = 200
    leads_to: str | None = None  # a page of the app, instead of one of the door
    secret: str | None = None  # the browser's from now on
    is_forgotten: bool = False  # whether the browser is to forget the secret that it has
    retry_seconds: float | None = None


class Door:
    """The door of one server; safe to share between threads."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._codes, self._pickups, self._passwords = (GuessGuard(clock) for _ in range(3))
        self.repeats = Repeats[Answer](clock)

    def show(
        self, services: Services, secret: str | None, asked: Mapping[str, str], address: str, *, may_try: bool
    ) -> Answer:
        """What somebody sees who opens the door.

        Args:
            services: of everybody.
            secret: of the browser; None: it has none.
            asked: parameters of the address.
            address: from where the request comes.
            may_try: whether a code in the address is tried, and not only shown: no other site sent the browser here.
        """
        way = way_of(asked)
        inside = find_key(services, secret)
        if inside is not None:
            return Answer(html=_inside(services, inside, way))
        is_forgotten = secret is not None
        if services.settings.access != "class":
            return Answer(leads_to=way.to, is_forgotten=is_forgotten)
        classroom = services.classroom.current()
        if asked.get("step") == "teacher" and classroom is not None:
            return Answer(html=letters.teacher_page(way))
        if classroom is None or not classroom.is_open:
            return self._nobody_comes_in(classroom, way)
        if asked.get("step") == "back":
            return Answer(html=letters.back_page(way))
        if way.code and may_try:
            return self.scan(services, way, address)
        return Answer(html=letters.code_page(way, _NOT_YOURS if is_forgotten else ""), is_forgotten=is_forgotten)

    def scan(self, services: Services, way: Way, address: str) -> Answer:
        """What somebody sees who comes with the code of a class."""
        classroom, refusal = self._find_class(services, way, address)
        if classroom is None:
            return refusal
        return Answer(html=letters.names_page(way, _offer_names(services, classroom)))

    def choose_name(self, services: Services, way: Way, name: str, address: str) -> Answer:
        """Let somebody in under a name."""
        classroom, refusal = self._find_class(services, way, address)
        if classroom is None:
            return refusal
        if len(services.spaces.of_classroom(classroom.id)) > _MAX_PUPILS:
            return Answer(html=letters.notice_page("🚌", "The class is full", _FULL), status=403)
        secret = new_secret()
        try:
            if not is_animal_name(name):
                raise SpaceError("Choose one of the names below.")
            space, pickup = services.classroom.enter(classroom.id, name, secret)
        except NotLetInError:
            return self._nobody_comes_in(classroom, way)
        except SpaceError as exc:
            return Answer(html=letters.names_page(way, _offer_names(services, classroom), str(exc)), status=409)
        return Answer(html=letters.welcome_page(way, space.name, pickup), secret=secret)

    def pick_up(self, services: Services, way: Way, code: str, address: str) -> Answer:
        """Let another device of a pupil in."""

        def enter(classroom: ClassroomView, secret: str) -> SpaceView:
            return services.classroom.pick_up(classroom.id, code[:_MAX_CODE_CHARS], secret)

        if (classroom := services.classroom.current()) is None or not classroom.is_open:
            return self._nobody_comes_in(classroom, way)
        return _enter(self._pickups, address, way, lambda secret: enter(classroom, secret), letters.back_page)

    def sign_in(self, services: Services, way: Way, password: str, address: str) -> Answer:
        """Let the teacher in."""
        if (classroom := services.classroom.current()) is None:
            return self._nobody_comes_in(classroom, way)

        def enter(secret: str) -> SpaceView:
            return services.classroom.enter_as_teacher(classroom.id, password[:_MAX_CODE_CHARS], secret)

        answer = _enter(self._passwords, address, way, enter, letters.teacher_page)
        # Whoever asked for nothing else wants to see the class.
        return replace(answer, leads_to=_BOARD) if answer.leads_to == "" else answer

    def renew(self, services: Services, way: Way, secret: str, *, said: str = "") -> Answer:
        """Give a pupil another pick-up code."""
        key = find_key(services, secret)
        if key is None or key.kind is not SpaceKind.PUPIL:
            return Answer(html=letters.code_page(way, _NOT_YOURS), status=403, is_forgotten=key is None)
        code = services.classroom.renew_pickup_code(key.space_id)
        return Answer(html=letters.welcome_page(way, key.name, code, is_new=False, said=said))

    def throw_out(self, services: Services, way: Way, secret: str) -> Answer:
        """Throw out whoever came in after this browser; a pupil's code, which they know, opens nothing any more."""
        key = find_key(services, secret)
        if key is None:
            return Answer(html=letters.code_page(way, _NOT_YOURS), status=403, is_forgotten=True)
        num_out = services.spaces.let_out_later(secret)
        if key.kind is SpaceKind.PUPIL:
            return self.renew(services, way, secret, said="The other device is out." if num_out else "")
        return Answer(html=_inside(services, key, way))

    def leave(self, services: Services, secret: str) -> Answer:
        """Let a browser out."""
        services.spaces.let_out(secret)
        if services.settings.access == "accounts":
            return Answer(leads_to="auth/logout", is_forgotten=True)
        page = letters.notice_page(
            "👋",
            "Bye!",
            "You are out. This device knows nothing of you any more.",
            (letters.FORM, "🚪", "Come in again"),
        )
        return Answer(html=page, is_forgotten=True)

    def _find_class(self, services: Services, way: Way, address: str) -> tuple[ClassroomView | None, Answer]:
        """The class with the code of the way; where there is none, what is answered instead."""
        current = services.classroom.current()
        if current is None or not current.is_open:
            return None, self._nobody_comes_in(current, way)
        wait = self._codes.admit(address)
        if wait:
            return None, _too_often(letters.code_page, way, wait)
        classroom = services.classroom.find_by_code(way.code)
        if classroom is None or classroom.id != current.id:
            sentence = _WRONG_CODE
            if len(read_code(way.code)) == PICKUP_CODE_LENGTH:
                sentence = _IS_PICKUP
            return None, Answer(html=letters.code_page(way, sentence), status=403)
        self._codes.forgive(address)
        return classroom, Answer()

    def _nobody_comes_in(self, classroom: ClassroomView | None, way: Way) -> Answer:
        if classroom is None:
            sentence, status = _NO_CLASS
            return Answer(html=letters.notice_page("🏫", "No class", sentence), status=status)
        links = ((way.query(), "🔄", "Try again"), (way.query(step="teacher"), "🧑‍🏫", "I am the teacher"))
        return Answer(html=letters.notice_page("🔒", "Closed", _CLOSED, *links), status=403)


def way_of(asked: Mapping[str, str]) -> Way:
    """What goes with a visitor, out of an address or a form, as far as it can be used."""
    code, to = asked.get("code", "")[:_MAX_CODE_CHARS], asked.get("to", "")
    return Way(code=code, to=to if _PLACE.fullmatch(to) else "")


def find_key(services: Services, secret: str | None) -> KeyView | None:
    """The key that a browser has; None: it is let in nowhere."""
    if secret is None:
        return None
    key_hash = hash_secret(secret)
    return next((key for key in services.spaces.list_keys() if key.key_hash == key_hash), None)


def _offer_names(services: Services, classroom: ClassroomView) -> list[str]:
    """Names with different pictures, by which some choose, as far as chance brings such."""
    for _ in range(_MAX_OFFERS):
        names = services.classroom.offer_names(classroom.id)
        if len({picture_of(name) for name in names}) == len(names):
            break
    return names


def _enter(
    guard: GuessGuard, address: str, way: Way, enter: Callable[[str], SpaceView], page: Callable[[Way, str], str]
) -> Answer:
    wait = guard.admit(address)
    if wait:
        return _too_often(page, way, wait)
    secret = new_secret()
    try:
        enter(secret)
    except NotLetInError as exc:
        return Answer(html=page(way, str(exc)), status=403)
    guard.forgive(address)
    return Answer(leads_to=way.to, secret=secret)


def _too_often(page: Callable[[Way, str], str], way: Way, seconds: float) -> Answer:
    sentence = f"That was wrong too often. You can try again in {letters.waiting_words(seconds)}."
    return Answer(html=page(way, sentence), status=429, retry_seconds=seconds)


def _inside(services: Services, mine: KeyView, way: Way) -> str:
    others = mine.later_of(services.spaces.list_keys())
    times = [time.strftime("%H:%M", time.localtime(key.came_at)) for key in others]
    return letters.inside_page(way, mine.name, kind=mine.kind.value, others=times)
