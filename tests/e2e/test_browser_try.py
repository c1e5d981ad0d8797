"""A pupil tries the model of another one in a real browser, on a tablet, and says whether it was right."""

from contextlib import closing
from dataclasses import replace
from pathlib import Path

from playwright.sync_api import expect
from sqlalchemy import update

from core.inference.classifier import Classifier
from core.runs.library import RunLibrary
from core.settings import Settings
from core.spaces.classroom import ClassroomDesk
from core.spaces.offers import OfferDesk
from core.storage.db import open_database
from core.storage.schema import Run
from pages.server.try_routes import try_page
from tests.core.inference.model_runs import Models
from tests.e2e.conftest import OpenTab, StartApp
from tests.e2e.photos import sample

OTTER = "o" * 43


def test_a_model_of_another_pupil(
    prepared_settings: Settings, classifier: Classifier, start_app: StartApp, open_tab: OpenTab
) -> None:
    """The page says whose it is, answers, and thanks for a verdict; who is not in comes in first and is led back."""
    settings = replace(prepared_settings, access="class", package_after_training=False)
    run_id = Models(settings, classifier).add("Things")
    with closing(open_database(settings)) as database:
        desk = ClassroomDesk(database)
        classroom, _ = desk.hold()
        otter, _ = desk.enter(classroom.id, "Quiet Otter", OTTER)
        with database.session() as session:
            session.execute(update(Run).where(Run.id == run_id).values(space_id=otter.id))
        own = database.of_space(otter.id)
        offers = OfferDesk(own, RunLibrary(own))
        token = offers.offer(run_id).token
        app = start_app(settings)
        page = open_tab(may_fail=True, viewport={"width": 390, "height": 844})
        page.goto(f"{app.url}/{try_page(token)}")
        page.get_by_label("The class code").fill(classroom.code)
        page.get_by_role("button", name="Go on").click()
        page.locator("button.name").first.click()
        page.get_by_role("link", name="I have written it down").click()
        expect(page.get_by_text("A model of Quiet Otter")).to_be_visible()
        page.locator("input[type=file]").set_input_files(sample("Cat"))
        expect(page.locator(".answer h2")).to_contain_text("**cat**")
        page.get_by_role("button", name="Yes").click()
        expect(page.get_by_text("Thank you.")).to_be_visible()
        offer = offers.of_run(run_id)
        assert offer is not None
        assert (offer.num_photos, offer.num_right) == (1, 1)
        page.locator("input[type=file]").set_input_files(Path(__file__))
        expect(page.get_by_role("alert")).to_contain_text("cannot read this file as a photo")
