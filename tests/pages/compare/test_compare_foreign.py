"""A model from elsewhere on the compare page: asked about the photos of a run, matched by the names of classes."""

import io
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from core.environment import to_environment
from core.foreign.reading import Reading
from core.foreign.records import ForeignModelView
from core.inference.classifier import Classifier
from core.services import Services
from core.settings import Settings
from pages.server.services import close_services, get_services
from tests.conftest import PROJECT_DIR
from tests.core.foreign.foreign_samples import as_litert, small_model
from tests.pages.compare.real_runs import write_real_run
from tests.pages.conftest import RUN_TIMEOUT_SECONDS


@pytest.fixture(scope="module")
def content() -> bytes:
    """A LiteRT file of three classes."""
    return as_litert(small_model())


@pytest.fixture
def services(prepared_settings: Settings, no_workers: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    close_services()
    for name, value in to_environment(prepared_settings).items():
        monkeypatch.setenv(name, value)
    yield get_services()
    close_services()


@pytest.fixture
def bring(services: Services, content: bytes) -> Callable[..., ForeignModelView]:
    """A function that brings a model in whose classes have these names."""

    def bring_in(*class_names: str) -> ForeignModelView:
        source = services.foreign_desk.receive([("birds.tflite", io.BytesIO(content), len(content))])
        return Reading(services.settings, services.foreign).run(replace(source, class_names=class_names))

    return bring_in


def visit(runs: str, foreign: str) -> AppTest:
    app = AppTest.from_file(str(PROJECT_DIR / "streamlit_app.py"), default_timeout=RUN_TIMEOUT_SECONDS)
    app.query_params["runs"], app.query_params["foreign"] = runs, foreign
    return looked_at(app.switch_page("pages/compare/page.py").run())


def looked_at(app: AppTest) -> AppTest:
    assert not app.exception, app.exception
    return app


def texts(app: AppTest) -> str:
    kinds = (app.title, app.subheader, app.markdown, app.caption, app.error, app.warning, app.info)
    found = "\n".join(element.value for kind in kinds for element in kind)
    return found.replace("\\", "").replace("**", "").replace("\N{NO-BREAK SPACE}", " ")


def test_it_is_asked_about_the_photos_whose_classes_it_has(
    services: Services, classifier: Classifier, bring: Callable[..., ForeignModelView]
):
    """Capitals aside; then it stands in the table with its size and time, and a new photo goes through it, too."""
    run = write_real_run(services, classifier, "Cats", [0, 1])
    model = bring("Goldfish", "CAT", "Blue tit")
    app = visit(str(run.id), str(model.id))
    assert app.multiselect(key="compare.foreign").value == [model.id]
    assert "birds has not been asked about 2 photos yet" in texts(app)
    looked_at(app.button(key=f"compare.ask.foreign:{model.id}").click().run())
    assert app.dataframe[0].value["Judged by"].tolist() == [2, 2]
    assert "judged by the photos whose classes it has under the same names" in texts(app)
    looked_at(app.button(key="compare.measure").click().run())
    assert (app.dataframe[0].value["Time per photo, now"] > 0).all()


def test_names_that_do_not_match_are_said(
    services: Services, classifier: Classifier, bring: Callable[..., ForeignModelView]
):
    """Some of them: the others judge it. None of them: it cannot be judged, and both sides' names are told."""
    run = write_real_run(services, classifier, "Cats", [0, 1])
    some, none = bring("cat", "dog", "horse"), bring("one", "two", "three")
    app = visit(str(run.id), f"{some.id},{none.id}")
    assert "It has no class called “goldfish”: it is judged by the photos of the other classes" in texts(app)
    assert "birds has not been asked about 1 photo yet" in texts(app)
    assert "It cannot be judged by your photos: it has no class called “cat”, “goldfish”; its own are" in texts(app)


def test_what_cannot_be_compared_is_told(
    services: Services, classifier: Classifier, bring: Callable[..., ForeignModelView]
):
    """Deleted ones, numbers that are none; a model without a run beside it has nobody who judges it."""
    run = write_real_run(services, classifier, "Cats", [0, 1])
    model = bring("cat", "goldfish", "crow")
    services.foreign.trash(model.id)
    app = visit(str(run.id), f"{model.id},99,abc")
    for words in ("birds was deleted", "No model from elsewhere has the number 99", "“abc” is not the number"):
        assert words in texts(app)
    services.foreign.restore(model.id)
    assert "It needs a model beside it" in texts(visit("", str(model.id)))
