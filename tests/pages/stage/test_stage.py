"""The page on which a kiosk and the reactions of a model are set up."""

from collections.abc import Callable

import pytest
from streamlit.testing.v1 import AppTest

from core.actions.records import ClassAction
from core.inference.classifier import Classifier
from core.settings import Settings
from core.spaces.kiosks import KioskSource
from pages.server.services import get_services
from tests.core.inference.model_runs import NAMES, Models

CAT = NAMES[0]


@pytest.fixture
def stage(
    prepared_settings: Settings,
    classifier: Classifier,
    no_workers: None,
    open_app: Callable[..., AppTest],
) -> Callable[..., AppTest]:
    """Opens the page."""

    def open_page(**query: str) -> AppTest:
        app = open_app(prepared_settings, **query)
        app.switch_page("pages/stage/page.py").run()
        assert not app.exception
        return app

    return open_page


def test_a_kiosk_is_put_up_changed_and_taken_down(
    stage: Callable[..., AppTest], prepared_settings: Settings, classifier: Classifier
):
    """What is typed holds at once, under one address, which is told."""
    run_id = Models(prepared_settings, classifier).add("Things")
    network = f"model:{run_id}"
    app = stage(model=str(run_id))
    services = get_services()
    assert services.kiosks.of_network(network) is None
    app.button(key=f"stage.put_up.{network}").click().run()
    kiosk = services.kiosks.of_network(network)
    assert kiosk is not None
    (link,) = app.get("link_button")
    assert link.proto.url == f"./?kiosk={kiosk.token}"
    app.text_input(key=f"stage.screen.title.{network}").set_value("  Kitchen ").run()
    app.slider(key=f"stage.screen.idle_seconds.{network}").set_value(30).run()
    app.segmented_control(key=f"stage.screen.source.{network}").set_value(KioskSource.SAMPLES).run()
    changed = services.kiosks.of_network(network)
    assert changed is not None
    assert changed.token == kiosk.token
    setup = changed.setup
    assert (setup.title, setup.idle_seconds, setup.source) == ("Kitchen", 30, KioskSource.SAMPLES)
    assert (setup.invitation, setup.note) == ("Touch a photo!", "")
    app.text_input(key=f"stage.screen.unknown.{network}").set_value("").run()
    assert any("Write a word or two" in each.value for each in app.error)
    app.button(key=f"stage.take_down.{network}").click().run()
    assert services.kiosks.of_network(network) is None
    assert not app.exception


def test_reactions_are_chosen_class_by_class(
    stage: Callable[..., AppTest], prepared_settings: Settings, classifier: Classifier
):
    """Words, a colour and a voice; of another model they are taken over; a ready-made network has none."""
    models = Models(prepared_settings, classifier)
    first, second = models.add("Things"), models.add("Things again")
    app = stage(model=str(first))
    services = get_services()
    app.segmented_control(key="stage.part").set_value("What happens").run()
    app.text_input(key=f"stage.words.{first}.{CAT}").set_value(" Meow! ").run()
    app.toggle(key=f"stage.has_colour.{first}.{CAT}").set_value(True).run()
    app.color_picker(key=f"stage.colour.{first}.{CAT}").set_value("#FF8800").run()
    app.selectbox(key=f"stage.language.{first}").set_value("de").run()
    assert services.actions.of_run(first).by_class[CAT] == ClassAction(words="Meow!", colour="#ff8800")
    assert services.actions.of_run(first).language == "de"
    app.selectbox(key="stage.subject").set_value(f"model:{second}").run()
    app.button(key=f"stage.take_over.{second}").click().run()
    assert services.actions.of_run(second) == services.actions.of_run(first)
    assert app.text_input(key=f"stage.words.{second}.{CAT}").value == "Meow!"
    app.selectbox(key="stage.subject").set_value("EfficientNetLite0").run()
    assert any("classes of a model of your own" in each.value for each in app.info)
    assert not app.exception
