"""The section that sorts photos: what can be begun when, and what that does before the browser takes over."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.backbones.artefacts import find_artefact
from core.backbones.catalog import Backbone
from core.datasets.library import Library
from core.datasets.pile import PILE_NAME
from core.datasets.tasks import LOOK_KIND
from core.features.cache import FeatureCache
from core.settings import Settings
from core.storage.db import Database, open_database
from core.storage.schema import HOME_SPACE_ID
from pages.server.services import get_services
from tests.core.datasets.library_samples import add, class_ids, contents, photo_hash

Open = Callable[..., AppTest]


@pytest.fixture
def database(prepared_settings: Settings, no_workers: None) -> Iterator[Database]:
    with closing(open_database(prepared_settings)) as opened:
        yield opened.of_space(HOME_SPACE_ID)


@pytest.fixture
def library(database: Database) -> Library:
    return Library(database)


@pytest.fixture
def dataset_id(library: Library) -> int:
    """Eight photos to sort; nothing says yet into what."""
    created = library.datasets.create("Web", [PILE_NAME]).id
    add(library, created, PILE_NAME, range(8))
    return created


@pytest.fixture
def visit(open_app: Open, prepared_settings: Settings, dataset_id: int) -> Callable[[], AppTest]:
    def open_section() -> AppTest:
        app = open_app(prepared_settings, dataset=str(dataset_id), section="Sort")
        return app.switch_page("pages/dataset/page.py").run()

    return open_section


def look_at(settings: Settings, backbone: Backbone, numbers: range) -> None:
    """As a worker does."""
    artefact = find_artefact(backbone, settings)
    assert artefact is not None
    chance = np.random.default_rng(0)
    features = {photo_hash(number): chance.random(1280, np.float32) for number in numbers}
    FeatureCache(settings).put(artefact.record.fingerprint, artefact.record.fit_mode, features)


def press(app: AppTest, label: str) -> AppTest:
    return next(each for each in app.button if each.label == label).click().run()


def sorter_data(app: AppTest) -> dict[str, Any]:
    """What the component that goes on in the browser is given."""
    found = [json.loads(element.proto.json or "{}") for element in app.get("bidi_component")]
    return next(data for data in found if "adviser" in data)


def texts(app: AppTest) -> str:
    return " ".join(each.value for each in (*app.markdown, *app.info, *app.caption, *app.error))


def test_without_examples_the_page_says_how_to_get_some(visit: Callable[[], AppTest]) -> None:
    """Neither a search nor suggestions can begin while no class has photos."""
    app = visit()
    assert "More like these" in texts(app)
    assert "Look for more" not in [each.label for each in app.button]
    app.segmented_control(key="dataset.sort.way").set_value("Sort these for me").run()
    assert "Put some examples into each class first" in texts(app)
    assert "Suggest classes" not in [each.label for each in app.button]


def test_examples_go_into_a_new_class(
    visit: Callable[[], AppTest], library: Library, dataset_id: int, prepared_settings: Settings, lite0: Backbone
) -> None:
    """A class without a name is refused and changes nothing; then it is made, and the search begins among the rest."""
    look_at(prepared_settings, lite0, range(8))
    app = visit()
    chosen = [image.id for image in library.images.of(dataset_id)][:3]
    app.session_state["dataset.sort.examples"] = tuple(chosen)
    press(app.run(), "Look for more")
    assert "has no name yet" in texts(app)
    assert [view.name for view in library.classes.of(dataset_id)] == [PILE_NAME]
    app.text_input(key="dataset.sort.new").set_value("crow").run()
    press(app, "Look for more")
    assert contents(library, dataset_id)["crow"] == ["0.jpg", "1.jpg", "2.jpg"]
    ids = class_ids(library, dataset_id)
    data = sorter_data(app)
    assert (data["question"], data["into"], data["among"]) == ("Is this “crow”?", ids["crow"], ids[PILE_NAME])
    assert data["examples"] == chosen
    press(app, "Done")
    assert "Finds the photos that look most like your examples" in texts(app)


def test_photos_are_looked_at_first(visit: Callable[[], AppTest], library: Library, dataset_id: int) -> None:
    """The worker is asked, and the page says how far it is."""
    add(library, dataset_id, "crow", range(20, 22))
    app = press(visit(), "Look for more")
    assert "looks at each photo once" in texts(app)
    task = get_services().dataset_tasks.latest(LOOK_KIND, dataset_id)
    assert task is not None
    assert task.is_active


def test_suggestions_begin_with_the_pile(
    visit: Callable[[], AppTest], library: Library, dataset_id: int, prepared_settings: Settings, lite0: Backbone
) -> None:
    """By the photos of two classes, where there is no model."""
    for number, name in enumerate(("crow", "tit")):
        add(library, dataset_id, name, range(20 + 2 * number, 22 + 2 * number))
    look_at(prepared_settings, lite0, range(30))
    app = visit()
    app.segmented_control(key="dataset.sort.way").set_value("Sort these for me").run()
    press(app, "Suggest classes")
    data = sorter_data(app)
    assert (data["mode"], data["adviser"]) == ("suggestions", "examples")
    assert data["among"] == class_ids(library, dataset_id)[PILE_NAME]
    first = data["token"]
    press(app, "Begin anew")
    assert sorter_data(app)["token"] != first
