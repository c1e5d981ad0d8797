"""Every state of the compare page, with runs that are written directly and, where models answer, real ones."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest
from streamlit.testing.v1 import AppTest

from core.backbones.catalog import Backbone
from core.datasets.records import Split
from core.environment import to_environment
from core.inference.classifier import Classifier
from core.runs.folder import RunFolder
from core.runs.records import RunView
from core.services import Services
from core.settings import Settings
from pages.server.services import close_services, get_services
from tests.conftest import PROJECT_DIR
from tests.core.inference.model_samples import SAMPLES
from tests.pages.compare.real_runs import write_real_run
from tests.pages.conftest import RUN_TIMEOUT_SECONDS
from tests.pages.written_runs import Asked, make_dataset, sure_of, write_run

NAMES = ("crow", "tit")
NUMBERS = range(20)


@pytest.fixture
def services(prepared_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """The services of an app whose default network is prepared and whose workers have gone home."""
    close_services()
    for name, value in to_environment(prepared_settings).items():
        monkeypatch.setenv(name, value)
    opened = get_services()
    opened.supervisor.stop()
    yield opened
    close_services()


@pytest.fixture
def visit(services: Services) -> Callable[..., AppTest]:
    """A function that opens the page as a new visitor, with these runs in the address."""

    def open_page(*runs: object, section: str = "Figures", **query: str) -> AppTest:
        app = AppTest.from_file(str(PROJECT_DIR / "streamlit_app.py"), default_timeout=RUN_TIMEOUT_SECONDS)
        if runs:
            query["runs"] = ",".join(map(str, runs))
        for name, value in query.items():
            app.query_params[name] = value
        app.switch_page("pages/compare/page.py").run()
        if section != "Figures":
            choose_section(app, section)
        assert not app.exception, app.exception
        return app

    return open_page


def choose_section(app: AppTest, name: str) -> AppTest:
    next(group for group in app.get("button_group") if group.key == "compare.section").set_value(name).run()
    assert not app.exception, app.exception
    return app


def press(app: AppTest, key: str) -> AppTest:
    app.button(key=key).click().run()
    assert not app.exception, app.exception
    return app


def texts(app: AppTest) -> str:
    """Everything the page says, without the marks of Markdown."""
    kinds = (app.title, app.subheader, app.markdown, app.caption, app.error, app.warning, app.info)
    found = [element.value for kind in kinds for element in kind]
    found += [element.proto.body for element in app.get("html")]
    return "\n".join(found).replace("\\", "").replace("**", "").replace("\N{NO-BREAK SPACE}", " ")


def asked(wrong: Sequence[int] = (), *, split: Split = Split.TEST, numbers: range = NUMBERS) -> list[Asked]:
    """Photos of two classes in turn; these are answered wrongly."""
    return [
        Asked(
            number=number,
            class_index=number % 2,
            probabilities=sure_of((number + (number in wrong)) % 2),
            split=split,
        )
        for number in numbers
    ]


@pytest.fixture
def birds(services: Services) -> int:
    return make_dataset(services, NAMES, asked())


@pytest.fixture
def two(services: Services, birds: int) -> tuple[RunView, RunView]:
    """The first is wrong on nine photos; the second on one of these, and on one more."""
    first = write_run(services, birds, asked(range(9)), name="First *one*")
    return first, write_run(services, birds, asked([8, 19]), name="Second")


# --- choosing --------------------------------------------------------------------------------------------


def test_without_models_the_page_says_where_to_get_some(visit):
    """Nobody is left before two empty boxes."""
    assert "There are no finished models to compare yet" in texts(visit())


def test_an_address_can_be_shared(visit, two):
    """It opens both models with figures, and stays as it was; one more model joins it."""
    app = visit(two[0].id, two[1].id)
    said = texts(app)
    assert "Second is right most often: 90 % of 20 test photos" in said
    assert "Second is right on 8 photos that First *one* gets wrong, First *one* on 1 that Second gets wrong" in said
    assert "that is hardly luck" in said
    frame = app.dataframe[0].value
    assert frame["Model"].tolist() == ["First *one*", "Second"]
    assert frame["Right"].tolist() == [0.55, 0.9]
    app.multiselect(key="compare.runs").set_value([two[1].id]).run()
    assert "".join(app.query_params["runs"]) == str(two[1].id)
    assert "Choose a second model" in texts(app)


def test_what_an_address_cannot_have(visit, services, birds, two):
    """Each is named with its reason, and the others are compared all the same."""
    services.runs.trash(write_run(services, birds, asked(), name="Gone").id)
    waiting = services.runs.create_run(two[0].config, name="Waiting")
    app = visit(two[0].id, two[1].id, two[1].id, 3, waiting.id, 99, "x" * 99, networks="NoSuchNet,DINOv2Small")
    assert app.warning[0].value.replace("\\", "").split("  \n") == [
        "Second was asked for twice; a model compared with itself shows no difference.",
        "Gone (run 3) is in the trash; bring it back on the Train page to compare it.",
        "Waiting (run 4) is not trained yet; it can be compared once it is done.",
        "There is no run 99; it may have been deleted for good.",
        f"“{'x' * 40}…” is not the number of a run; an address such as ?runs=3,5 was expected.",
        "No network is called “NoSuchNet”; the page Networks lists all there are.",
        "DINOv2-Small names nothing by itself; only models trained with it can be compared.",
    ]
    assert "Second is right most often" in texts(app)


def test_the_tutorials_comparisons(visit, services, birds):
    """One that lacks a run says which recipe makes it; the others open at a click."""
    head = write_run(services, birds, asked(), name="Head")
    scratch = services.runs.create_run(
        replace(head.config, backbone="scratch"), name="Scratch", recipe="from_scratch", dataset_id=birds
    )
    services.runs.set_finished(scratch.id, head.outcome)
    app = visit()
    assert app.button(key="compare.ready_made.fine_tuning").disabled
    assert "Train one network with the recipes “Quick” and “Careful”" in texts(app)
    press(app, "compare.ready_made.transfer")
    assert "".join(app.query_params["runs"]) == f"{head.id},{scratch.id}"
    assert "What was done differently" in texts(app)
    # The second has no files: that is said, and what its run told is shown.
    assert "Train again" in texts(app)
    assert app.dataframe[0].value["Right"].tolist() == [1.0, 1.0]


# --- two models ------------------------------------------------------------------------------------------


def test_is_it_really_better(visit, two):
    """The verdict, the interval, the four counts, chance in words, and the photos on which they disagree."""
    app = visit(two[0].id, two[1].id, section="Really better?")
    said = texts(app)
    assert "Second is right on 8 photos that First *one* gets wrong" in said
    assert "Second is right 35 points more often on these photos; for photos like these, plausibly between +" in said
    assert [metric.value for metric in app.metric] == ["10", "1", "8", "1"]
    assert "about 4 of 100 comparisons" in said
    assert "Judged by 20 photos that had no part in making either. No photo was left out." in said
    assert "Where they disagree: 9 photos" in said
    assert "First *one*" in said
    cards = next(element.proto.body for element in app.get("html") if "bluetit-disputed" in element.proto.body)
    assert cards.count("<article>") == 6
    assert "/heat/" not in cards
    app.toggle(key="compare.disputed.heat").set_value(True).run()
    assert any(f"/heat/{two[0].id}/" in element.proto.body for element in app.get("html"))


def test_a_model_is_not_compared_with_itself(visit, two):
    """Choosing the same twice is told, and nothing breaks; swapping brings a pair back in the other order."""
    app = visit(two[0].id, two[1].id, section="Really better?")
    press(app, "compare.swap")
    assert "First *one* is right 35 points less often" in texts(app)
    app.selectbox(key="compare.second").set_value(f"run:{two[1].id}").run()
    assert "one and the same model" in texts(app)


def test_photos_that_one_learned_from_do_not_count(visit, services, birds):
    """Other splits, other classes: what is left is counted, and what is not is told with its reason."""
    first = write_run(services, birds, asked())
    wrens = [*asked(numbers=range(5, 10)), Asked(number=50, class_index=2, probabilities=sure_of(2, num_classes=3))]
    learned = [replace(each, split=Split.TRAIN) for each in asked(numbers=range(5))]
    other = make_dataset(services, (*NAMES, "wren"), [*wrens, *learned], name="Others")
    said = [replace(each, probabilities=sure_of(each.class_index, num_classes=3)) for each in wrens]
    second = write_run(services, other, said)
    app = visit(first.id, second.id, section="Really better?")
    shown = texts(app)
    assert "Judged by 5 photos that had no part in making either" in shown
    assert "5 photos that one of them learned from, or both" in shown
    assert "1 photo of classes that only one of them knows" in shown
    assert f"10 photos that only {first.name} was asked about" in shown
    assert f"Only {second.name} knows “wren”" in shown
    assert "nothing tells them apart" in shown
    assert "different photos" in texts(choose_section(app, "Figures"))


def test_without_test_photos_validation_is_named_as_such(visit, services):
    """With the caveat that these photos chose the epoch; models without a common photo are not judged."""
    validation = asked(split=Split.VALIDATION)
    dataset = make_dataset(services, NAMES, validation)
    runs = [write_run(services, dataset, asked(wrong, split=Split.VALIDATION)) for wrong in ([1], [2, 3])]
    apart = asked(split=Split.VALIDATION, numbers=range(30, 34))
    runs.append(write_run(services, make_dataset(services, NAMES, apart, name="Apart"), apart))
    app = visit(*(run.id for run in runs[:2]))
    assert "Validation photos also chose the epoch" in texts(app)
    assert "that could be luck" in texts(app)
    assert "They were all used to choose the epoch" in texts(choose_section(app, "Really better?"))
    assert "no photo that may judge both" in texts(visit(runs[0].id, runs[2].id, section="Really better?"))


# --- damage ----------------------------------------------------------------------------------------------


def test_one_damaged_run_does_not_keep_the_others_away(visit, services, birds, two):
    """Its file is named; what its run told is shown; the dataset may be gone for good."""
    third = write_run(services, birds, asked(), name="Third")
    RunFolder(services.settings, two[0].id).predictions_path.write_bytes(b"broken")
    services.library.datasets.delete(birds)
    app = visit(two[0].id, two[1].id, third.id)
    assert "predictions.npz is damaged" in texts(app)
    assert "Third is right most often: 100 % of 20 test photos" in texts(app)
    assert app.dataframe[0].value["Right"].tolist() == [0.55, 0.9, 1.0]
    assert "Second is right on" not in texts(choose_section(app, "Curves"))
    assert "None of these models has a curve" in texts(app)


# --- real models -----------------------------------------------------------------------------------------


def test_models_answer_on_the_page(visit, services, classifier: Classifier, lite0: Backbone):
    """Asked about the other's photo, timed, shown a new photo; a plain network joins by the names of the classes."""
    first = write_real_run(services, classifier, "Cats", [0])
    second = write_real_run(services, classifier, "Fish", [1])
    app = visit(first.id, second.id, section="Really better?", networks=lite0.name)
    assert "no photo that may judge both" in texts(app)
    press(app, f"compare.ask.run:{first.id}")
    assert "Judged by 1 photo that had no part in making either" in texts(app)
    assert "Neither can be told from guessing" in texts(app)  # nothing can be told by a single photo

    choose_section(app, "Figures")
    assert "EfficientNet-Lite0 has not been asked about 1 photo yet" in texts(app)
    press(app, f"compare.ask.network:{lite0.name}")
    assert app.dataframe[0].value["Judged by"].tolist() == [1, 1, 1]
    assert "Time per photo, when trained" in app.dataframe[0].value
    press(app, "compare.measure")
    assert (app.dataframe[0].value["Time per photo, now"] > 0).all()

    choose_section(app, "New photo")
    RunFolder(services.settings, second.id).model_record_path.write_bytes(b"broken")
    app.file_uploader[0].set_value(("cat.png", SAMPLES[0], "image/png")).run()
    assert not app.exception, app.exception
    assert [line for line in texts(app).splitlines() if line.startswith("#### ")][:1] == ["#### “cat”"]
    assert "model.json of run 2" in texts(app)
    assert "Cats · " in texts(app)


def test_classes_that_imagenet_does_not_have(visit, two, lite0: Backbone):
    """A plain network cannot be judged by them, which is said; what can be compared is."""
    app = visit(two[0].id, two[1].id, networks=lite0.name)
    assert "among ImageNet's 1,000 there is none called “crow”, “tit”" in texts(app)
    assert "Second is right most often" in texts(app)
    # Their files are not there, either: the network is timed without them, and each is named.
    press(app, "compare.measure")
    assert app.dataframe[0].value["Time per photo, now"].isna().tolist() == [True, True, False]
    assert sum(error.value.startswith(("First", "Second")) for error in app.error) == 2
