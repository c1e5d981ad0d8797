"""Pictures of the live camera that go into a class, as the browser sends them."""

import base64
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import pytest

from core.datasets.records import Split
from core.errors import DatasetError
from core.jobs.supervisor import Supervisor
from core.services import Services, open_services
from core.settings import Settings
from pages.classify.lessons import classes_of, give, take_back
from pages.classify.live_camera import Lesson, parse_lesson
from tests.core.datasets.import_samples import photo, work
from tests.core.datasets.library_samples import add, class_ids

FRAME = photo(1)
SENT = {"run_id": 3, "class_id": 7, "frame": base64.b64encode(FRAME).decode()}


@pytest.fixture
def services(prepared_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """Without workers: the test does their work."""
    monkeypatch.setattr(Supervisor, "start", lambda _: None)
    with closing(open_services(prepared_settings)) as opened:
        yield opened


@pytest.fixture
def dataset_id(services: Services) -> int:
    """A dataset with one class of two photos, in no split."""
    dataset_id = services.library.datasets.create("Birds").id
    add(services.library, dataset_id, "crow", range(2))
    return dataset_id


@pytest.fixture
def lesson(services: Services, dataset_id: int) -> Lesson:
    """A picture of a crow."""
    return Lesson(run_id=1, class_id=class_ids(services.library, dataset_id)["crow"], frame=FRAME)


def test_a_picture_is_taken_as_the_browser_sends_it() -> None:
    """With the run that was asked and the class that was chosen."""
    assert parse_lesson(SENT) == Lesson(run_id=3, class_id=7, frame=FRAME)


@pytest.mark.parametrize(
    "change",
    [{"frame": "no base64"}, {"frame": base64.b64encode(b"GIF89a").decode()}, {"class_id": "7"}, {"run_id": True}],
    ids=["no-base64", "no-jpeg", "no-class", "no-run"],
)
def test_what_is_no_picture_of_a_class_is_passed_over(change: dict[str, Any]) -> None:
    """The browser may send anything."""
    assert parse_lesson({**SENT, **change}) is None
    assert parse_lesson(list(SENT)) is None


@pytest.mark.parametrize(
    ("split", "expected"), [(None, None), (Split.VALIDATION, Split.TRAIN)], ids=["unsplit", "split"]
)
def test_a_picture_joins_the_photos_that_are_learned_from(
    services: Services, dataset_id: int, lesson: Lesson, split: Split | None, expected: Split | None
) -> None:
    """Never those that the model is tested with, for its answer has been seen; before a split there is no choice."""
    images = services.library.images.of(dataset_id)
    services.library.images.set_split([image.id for image in images], split)
    given = give(lesson, dataset_id, services)
    work(services.queue, services.settings)
    added = services.library.images.of(dataset_id)[-1]
    assert (added.name, added.class_id, added.split) == (given.image_name, lesson.class_id, expected)


@pytest.mark.parametrize("is_there", [True, False], ids=["there", "on-its-way"])
def test_a_picture_can_be_taken_back(services: Services, dataset_id: int, lesson: Lesson, is_there: bool) -> None:
    """Whether it is there or still on its way; a deletion can be undone as every other."""
    given = give(lesson, dataset_id, services)
    if is_there:
        work(services.queue, services.settings)
    sentence = take_back(given, services)
    assert len(services.library.images.of(dataset_id)) == 2
    assert ("taken out" in sentence) is is_there
    assert len(services.library.images.in_trash(dataset_id)) == is_there


def test_a_picture_that_was_moved_is_left_alone(services: Services, dataset_id: int, lesson: Lesson) -> None:
    """Somebody has decided otherwise since."""
    given = give(lesson, dataset_id, services)
    work(services.queue, services.settings)
    tit = services.library.classes.create(dataset_id, "tit")
    services.library.images.move([services.library.images.of(dataset_id)[-1].id], tit.id)
    with pytest.raises(DatasetError, match="not in “crow” any more"):
        take_back(given, services)


GONE: dict[str, Callable[[Services, int, int], object]] = {
    "dataset": lambda services, dataset_id, _: services.library.datasets.delete(dataset_id),
    "class": lambda services, _, class_id: services.library.classes.delete(class_id),
}


@pytest.mark.parametrize("delete", GONE.values(), ids=GONE)
def test_a_class_that_is_gone_takes_no_picture(
    services: Services, dataset_id: int, lesson: Lesson, delete: Callable[[Services, int, int], object]
) -> None:
    """It is offered no more, and a picture that was on its way to it is told so."""
    delete(services, dataset_id, lesson.class_id)
    assert not classes_of(dataset_id, services)
    assert not classes_of(None, services)
    with pytest.raises(DatasetError, match="was deleted"):
        give(lesson, dataset_id, services)
