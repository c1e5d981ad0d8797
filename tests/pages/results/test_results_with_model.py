"""The results page with a model that really answers: one photo is refused, another one is not."""

from collections.abc import Callable

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from core.inference.classifier import Classifier
from core.inference.reference import Reference, write_reference
from core.jobs.supervisor import Supervisor
from core.runs.decision import Decision, write_decision
from core.runs.folder import RunFolder
from core.settings import Settings
from pages.words.wording import I_DO_NOT_KNOW
from tests.core.inference.model_runs import NAMES, Models
from tests.core.inference.model_samples import SAMPLES
from tests.pages.written_runs import Asked, sure_of, write_answers

OpenApp = Callable[..., AppTest]


@pytest.fixture
def run_id(prepared_settings: Settings, classifier: Classifier) -> int:
    """A run whose model knows three sample photos, and refuses what is far from them."""
    run_id = Models(prepared_settings, classifier).add("Things")
    folder = RunFolder(prepared_settings, run_id)
    features = np.stack([classifier.answer(classifier.square(photo, "sample")).features for photo in SAMPLES[:3]])
    write_reference(folder, Reference(["a" * 64, "b" * 64, "c" * 64], np.arange(3), features))
    asked = [Asked(number=index, class_index=index % 3, probabilities=sure_of(index % 3, 0.9, 3)) for index in range(9)]
    write_answers(folder, NAMES, asked)
    write_decision(folder, Decision(min_probability=0.5, max_distance=0.1))
    return run_id


def test_a_photo_of_no_class_is_refused(
    open_app: OpenApp, prepared_settings: Settings, run_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A photo of a class gets its answer, letter by letter; a file that is no photo is an error that names it."""
    monkeypatch.setattr(Supervisor, "start", lambda _: None)
    app = open_app(prepared_settings)
    app.query_params["run"] = str(run_id)
    app.switch_page("pages/results/page.py").run()
    next(each for each in app.get("button_group") if each.key == "results.section").set_value("How sure").run()
    app.select_slider(key=f"results.certainty.strictness.{run_id}").set_value(0.5).run()

    def try_with(photo: bytes) -> str:
        app.file_uploader(key="results.certainty.photo").set_value(("photo.png", photo, "image/png")).run()
        assert not app.exception, app.exception
        return "\n".join(each.value.replace("\\", "") for each in (*app.markdown, *app.error))

    assert f"### {I_DO_NOT_KNOW}" in try_with(SAMPLES[3])
    said = try_with(SAMPLES[1])
    assert "### “<b>coffee</b>”," in said
    assert "which is enough" in said
    assert "photo.png" in try_with(b"no photo")
