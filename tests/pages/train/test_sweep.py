"""A sweep on the train page: values are chosen, trained together, shown as one table and one chart, stopped."""

from streamlit.testing.v1 import AppTest

from core.runs.records import RunStatus
from tests.pages.component_data import told
from tests.pages.train.conftest import Visit
from tests.pages.train.pretend_training import PretendWorker
from tests.pages.train.test_train import choose_view, press, runs, texts

RATE = "head_phase.learning_rate"


def said(app: AppTest) -> str:
    return texts(app).replace("\\", "").replace("\N{NO-BREAK SPACE}", " ")


def begin(app: AppTest, *values: str) -> AppTest:
    choose_view(app, "Expert")
    app.selectbox(key="train.sweep.setting").set_value(RATE).run()
    if values:
        app.multiselect(key=f"train.sweep.values.{RATE}").set_value(list(values)).run()
    app.button(key="train.sweep.begin").click().run()
    assert not app.exception, app.exception
    return app


def test_values_are_tried_and_the_best_is_gone_on_with(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """One press queues a run for each value on the same photos; chart and table tell the best, and one more press
    fills the form in like it."""
    app = begin(visit(), "0.01", "0.001", "0,1")
    views = sorted(runs(worker), key=lambda view: view.id)
    assert [view.config.head_phase.learning_rate for view in views] == [0.001, 0.01, 0.1]
    assert len({(view.snapshot_hash, view.race) for view in views}) == 1
    assert views[0].name.endswith("learning rate 0.001")
    assert "Which learning rate?" in said(app)
    shown = told(app)
    assert [row[1] for row in shown["rows"]] == ["0.001", "0.01", "0.1"]
    assert shown["text"] == "0 of 3 have arrived"
    for right, view in zip((2, 6, 6), views, strict=True):
        assert worker.begin() == view.id
        worker.finish(view.id, validation=(right, 6))
    app.run()
    assert [row[0] for row in told(app)["rows"]] == ["", "best", "best"]
    points = told(app)["points"]
    assert (points["is_log"], points["labels"]) == (True, ["0.001", "0.01", "0.1"])
    assert points["accuracy"] == [33.33, 100.0, 100.0]
    assert "Best: 0.01 and 0.1, with 100" in said(app)
    assert "0.001 may be just as good: the intervals overlap" in said(app)
    press(app, "Go on with 0.01")
    assert app.select_slider(key=f"train.setting.{RATE}").value == 0.01


def test_a_sweep_is_stopped_as_a_whole(visit: Visit, worker: PretendWorker, birds: int) -> None:
    """What waits is cancelled, what trains keeps its best epoch; the button is gone when nothing is left to stop."""
    app = begin(visit())
    first = worker.begin()
    app.run()
    press(app, "Stop all")
    statuses = {view.id: view.status for view in runs(worker)}
    assert statuses.pop(first) is RunStatus.STOPPING
    assert set(statuses.values()) == {RunStatus.CANCELLED}
    worker.finish(first, validation=(5, 6))
    app.run()
    assert "Stop all" not in [each.label for each in app.button]
    assert "Best: 0.0001" in said(app)


def test_values_that_cannot_be_used_are_told_where_they_are_chosen(visit: Visit, birds: int) -> None:
    """The button stays closed, with what was typed and what is needed."""
    app = choose_view(visit(), "Expert")
    app.multiselect(key=f"train.sweep.values.{RATE}").set_value(["0.01", "quick"]).run()
    assert "“quick” was typed; a number is needed, such as 0.01" in said(app)
    assert app.button(key="train.sweep.begin").disabled
