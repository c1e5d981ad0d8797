"""The results page with runs whose answers the test has written."""

import csv
import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.config import AugmentConfig
from core.datasets.checks.findings import Finding, FindingKind
from core.datasets.records import Review, Split
from core.environment import to_environment
from core.evaluation.answers import read_answers
from core.evaluation.rejection import DEFAULT_STRICTNESS, STRICTNESSES
from core.jobs.kinds import Lane
from core.jobs.status import TaskStatus
from core.jobs.supervisor import Supervisor
from core.runs.decision import Decision, read_decision
from core.runs.desk import EXAMINE_KIND, TRAIN_KIND, examination_key
from core.runs.folder import RunFolder
from core.services import Services
from core.settings import Settings
from pages.results.tables import predictions_csv, to_csv
from pages.server.run_routes import run_url
from pages.server.services import close_services, get_services
from tests.conftest import PROJECT_DIR
from tests.core.datasets.library_samples import class_ids, photo_hash
from tests.pages.component_data import told_texts, watched
from tests.pages.conftest import RUN_TIMEOUT_SECONDS
from tests.pages.page_links import follow_link, link_labels
from tests.pages.written_runs import (
    FINGERPRINT,
    Asked,
    make_dataset,
    sure_of,
    train_numbers,
    write_answers,
    write_examination,
    write_run,
)

Visit = Callable[..., AppTest]

CROW, TIT = 0, 1
NAMES = ("crow", "tit")
HOSTILE = ("<b>cat</b> %{x}", "**dog** $y$")
NBSP = "\N{NO-BREAK SPACE}"

# Ten right, two wrong: a crow taken for a tit with 70 %, and, more confidently, a tit taken for a crow.
TESTED = (
    *(Asked(number=number, class_index=CROW, probabilities=sure_of(CROW, 0.8)) for number in range(100, 105)),
    *(Asked(number=number, class_index=TIT, probabilities=sure_of(TIT, 0.8)) for number in range(200, 205)),
    Asked(number=110, class_index=CROW, probabilities=sure_of(TIT, 0.7)),
    Asked(number=210, class_index=TIT, probabilities=sure_of(CROW, 0.95)),
)
VALIDATED = tuple(
    Asked(
        number=each.number + 1000,
        class_index=each.class_index,
        probabilities=each.probabilities,
        split=Split.VALIDATION,
    )
    for each in TESTED
)


@pytest.fixture
def services(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Services]:
    """The services of an app whose workers never come."""
    close_services()
    for name, value in to_environment(settings).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(Supervisor, "start", lambda _: None)
    opened = get_services()
    opened.queue.register_worker("pretender", pid=1, host="elsewhere", lane=Lane.NETWORKS)
    yield opened
    close_services()


@pytest.fixture
def visit(services: Services) -> Visit:
    """A function that opens the page as a new visitor, with a run in the address if one is given."""

    def open_page(run: int | str | None = None, section: str | None = None) -> AppTest:
        app = AppTest.from_file(str(PROJECT_DIR / "streamlit_app.py"), default_timeout=RUN_TIMEOUT_SECONDS)
        if run is not None:
            app.query_params["run"] = str(run)
        app.switch_page("pages/results/page.py").run()
        assert not app.exception, app.exception
        return app if section is None else show(app, section)

    return open_page


@pytest.fixture
def done(services: Services) -> int:
    """A run that was right on eight of ten test photos, and likewise in validation, and has been looked at closely."""
    asked = (*TESTED, *VALIDATED)
    view = write_run(services, make_dataset(services, NAMES, asked), asked)
    write_examination(services, view, asked)
    return view.id


def show(app: AppTest, section: str) -> AppTest:
    group(app, "results.section").set_value(section).run()
    assert not app.exception, app.exception
    return app


def group(app: AppTest, key: str):
    return next(each for each in app.get("button_group") if each.key == key)


def place_of_sections(app: AppTest) -> int:
    """Where the choice of a section stands on the page; the browser makes anew what moves, and all below it."""
    sections = group(app, "results.section")
    return next(place for place, child in app.main.children.items() if child is sections)


def texts(app: AppTest) -> str:
    """Everything the page says, letter by letter."""
    kinds = (app.title, app.subheader, app.markdown, app.caption, app.error, app.warning, app.info, app.success)
    found = [element.value.replace("\\", "") for kind in kinds for element in kind]
    found += [element.proto.body for element in app.get("html")]
    found += [element.proto.text for element in app.get("progress")]
    found += [element.proto.label for element in app.get("page_link")]
    found += told_texts(app)
    return "\n".join(found)


def labels(app: AppTest) -> list[str]:
    return [each.label for each in app.button]


def press(app: AppTest, key: str) -> AppTest:
    """Press the button whose key ends so."""
    next(each for each in app.button if each.key.endswith(key)).click().run()
    assert not app.exception, app.exception
    return app


def correct(app: AppTest, number: int, what: str) -> AppTest:
    """Press a button below the mistake with this photo."""
    return press(app, f"{photo_hash(number)}.{what}")


def image_of(services: Services, number: int):
    """The image of a photo in the only dataset, in the trash or not."""
    (dataset,) = services.library.datasets.all()
    images = [*services.library.images.of(dataset.id), *services.library.images.in_trash(dataset.id)]
    return next(image for image in images if image.photo_hash == photo_hash(number))


def table(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))


# --- which run -------------------------------------------------------------------------------------------


def test_without_runs_the_page_leads_to_the_first(visit: Visit) -> None:
    """Nobody is left with an empty page."""
    app = visit()
    assert app.title[0].value == "How good is it?"
    assert link_labels(app) == ["Train a model"]


def test_the_newest_run_is_open_and_others_have_an_address(visit: Visit, services: Services, done: int) -> None:
    """The box has the runs that are done, newest first; a number that no run has is said."""
    dataset_id = services.runs.get_run(done).dataset_id
    newer = write_run(services, dataset_id, TESTED, name="Newer *one*").id
    app = visit()
    assert app.selectbox(key="results.chooser").value == newer
    assert [option.partition(" · ")[0] for option in app.selectbox(key="results.chooser").options] == [
        "Newer *one*",
        "Birds",
    ]
    assert "".join(app.query_params["run"]) == str(newer)
    app.selectbox(key="results.chooser").set_value(done).run()
    assert "".join(app.query_params["run"]) == str(done)
    follow_link(app, "Compare")
    assert app.title[0].value == "Which model is better?"
    assert set("".join(app.query_params["runs"]).split(",")) == {str(done), str(newer)}
    assert "No run has the number 999" in texts(visit(999))
    assert visit("1 or 2").selectbox(key="results.chooser").value == newer
    services.runs.trash(newer)
    assert "is in the trash" in texts(visit(newer))


def test_runs_without_results_are_said(visit: Visit, services: Services, done: int) -> None:
    """One that waits or has failed says so, with the way to its training; beside another it is only counted."""
    view = services.runs.get_run(done)
    waiting = services.run_desk.submit(view.config, dataset_id=view.dataset_id)
    assert "Without results: 1 waiting" in texts(visit(done))
    app = visit(waiting.id)
    assert "still waiting" in texts(app)
    task = services.queue.claim("pretender", [TRAIN_KIND])
    services.queue.finish(task.id, "pretender", status=TaskStatus.FAILED, error="The *disk* is full.")
    assert "The *disk* is full." in texts(app.run())
    follow_link(app, "Open its training")
    assert waiting.name in app.title[0].value.replace("\\", "")


# --- how good --------------------------------------------------------------------------------------------


def test_the_result_in_plain_words(visit: Visit, done: int) -> None:
    """Right answers, the interval, which photos; the validation photos can be looked at, too."""
    app = visit(done)
    assert app.title[0].value == "Right 10 times out of 12"
    said = texts(app)
    assert "Between **55 and 95 in 100** for photos like these." in said
    assert "12 photos of the test, which it had never seen" in said
    assert "So few photos" in said
    group(app, "results.split").set_value(Split.VALIDATION).run()
    assert "12 photos for validation" in texts(app)


def test_without_test_photos_the_caveat_is_told(visit: Visit, services: Services) -> None:
    """Validation photos chose the epoch: that is said, with the way to a test."""
    view = write_run(services, make_dataset(services, NAMES, VALIDATED), VALIDATED)
    app = visit(view.id)
    assert app.title[0].value == "Right 10 times out of 12"
    assert "a little too good" in texts(app)
    follow_link(app, "Set photos aside for a test")
    assert app.title[0].value == "Birds"
    assert group(app, "dataset.section").value == "Split"


def test_without_photos_to_judge_by(visit: Visit, services: Services) -> None:
    """Nobody can tell, no section is empty, and the model card has what is known."""
    view = write_run(services, make_dataset(services, NAMES, ()), ())
    app = visit(view.id)
    assert app.title[0].value == "Nobody can tell how good it is"
    for section in group(app, "results.section").options:
        show(app, section)
        is_judged_only = section in ("Mistakes", "Confusion", "Per class", "How sure")
        assert ("about the photos that judge the model, and there are none" in texts(app)) == is_judged_only
    assert "EfficientNet-Lite0" in texts(app)


def test_what_to_look_at_first_leads_there(visit: Visit, done: int) -> None:
    """The summary names the worst confusion, confident mistakes, doubtful labels, shortcuts, and whether more helps."""
    app = visit(done)
    said = "\n".join(labels(app))
    assert "**“crow”** for **“tit”** once" in said
    assert "**1** of its 2 mistakes came with more than 90 %" in said
    assert "**1 training photo** may be in the wrong class." in said
    assert "It may recognise **“tit”** by something beside" in said
    assert "More photos would probably help: going from 6 to 12 brought 15.0 points" in said
    press(app, "results.pointer.Labels")
    assert "It is in <strong>“tit”</strong>, but looks like <strong>“crow”</strong>." in texts(app)


# --- beside guessing -------------------------------------------------------------------------------------


def guesses(num_right: int, num_wrong: int, said: tuple[int, int] = (CROW, TIT)) -> list[Asked]:
    """So many right and wrong answers to photos of each class; what is wrong goes to the other class of those said."""
    asked = []
    for class_index, begin in ((CROW, 100), (TIT, 200)):
        for place in range(num_right + num_wrong):
            answer = class_index if place < num_right else 1 - class_index
            answer = answer if answer in said else said[0]
            asked.append(Asked(number=begin + place, class_index=class_index, probabilities=sure_of(answer, 0.8)))
    return asked


def write_guessed(services: Services, asked: list[Asked], names: tuple[str, ...] = NAMES) -> int:
    view = write_run(services, make_dataset(services, names, asked), asked)
    write_examination(services, view, asked)
    return view.id


@pytest.mark.parametrize(
    ("asked", "title", "sentence"),
    [
        (guesses(15, 15), "It cannot be told from guessing", "Whoever always answers “crow” is right on 30."),
        (guesses(4, 1), "Too few photos to tell it from guessing", "with so few photos the lead may be luck"),
        (guesses(15, 15, (TIT, TIT)), "It says “tit” to every photo", "Right on 30 of 60 photos"),
    ],
)
def test_a_result_that_may_be_chance_says_so_first(
    visit: Visit, services: Services, asked: list[Asked], title: str, sentence: str
) -> None:
    """In the place of the headline; nothing is read off such figures, least of all that more photos would help."""
    app = visit(write_guessed(services, asked))
    assert app.title[0].value.endswith(title)
    assert sentence in texts(app)
    assert "Look at this first" not in texts(app)
    app = show(app, "More photos?")
    assert "First find out why it is no better than guessing" in texts(app)
    assert "would probably help" not in texts(app) + "".join(labels(app))
    assert "Beside guessing" in texts(show(app, "Model card"))


def test_a_frequent_class_that_is_always_answered(visit: Visit, services: Services) -> None:
    """As good as always the same answer, and yet its answers follow the photos: both are said."""
    asked = [
        Asked(number=n, class_index=CROW, probabilities=sure_of(TIT if n < 109 else CROW)) for n in range(100, 190)
    ]
    asked += [
        Asked(number=n, class_index=TIT, probabilities=sure_of(CROW if n < 201 else TIT)) for n in range(200, 210)
    ]
    app = visit(write_guessed(services, asked))
    assert app.title[0].value.endswith("Always answering “crow” would be right as often")
    assert "its answers follow the photos" in texts(app)


def test_reasons_lead_to_their_remedy(visit: Visit, services: Services) -> None:
    """Photos that were cut: the share, and the training where it can be put right."""
    asked = guesses(15, 15)
    dataset_id = make_dataset(services, NAMES, asked, size=(900, 150))
    view = write_run(services, dataset_id, asked)
    app = visit(view.id)
    assert f"83{NBSP}% of each photo is cut off" in texts(app)
    follow_link(app, "Put it right at its training")
    assert "It cannot be told from guessing" in texts(app)
    next(each for each in app.button if each.key == f"train.mend.cut off.{view.id}").click().run()
    assert not app.exception, app.exception
    assert "Filled in like" in texts(app)
    assert "The whole photo is used" in texts(app)


def test_mirroring_of_mirror_images_is_told_with_any_result(visit: Visit, services: Services) -> None:
    """Also where the result is good: it might be better."""
    asked = (*TESTED, *VALIDATED)
    dataset_id = make_dataset(services, NAMES, asked)
    view = write_run(services, dataset_id, asked, augment=AugmentConfig(flip=True))
    library = services.library
    finding = Finding(
        key="mirrored_classes:1",
        kind=FindingKind.MIRRORED_CLASSES,
        title="Mirror images in different classes",
        why="They are no copies.",
        remedy=None,
        image_ids=(),
        class_ids=tuple(class_ids(library, dataset_id).values()),
    )
    assert "trained with mirroring on" not in texts(visit(view.id))
    library.checks.save(dataset_id, library.datasets.get(dataset_id).revision, [finding.to_json()])
    app = visit(view.id)
    assert app.title[0].value == "Right 10 times out of 12"
    assert "“crow” and “tit” are mirror images of each other, and this run was trained with mirroring on" in texts(app)


def test_verdicts_are_no_names_of_classes(visit: Visit, services: Services) -> None:
    """Classes called right, wrong, None and unsure: names stand in quotation marks, verdicts have a mark."""
    names = ("None", "right", "unsure", "wrong")
    asked = [
        Asked(number=100 * index + place, class_index=index, probabilities=sure_of(index, 0.9, 4))
        for index in range(4)
        for place in range(1, 7)
    ]
    asked.append(Asked(number=999, class_index=1, probabilities=sure_of(3, 0.9, 4)))
    view = write_run(services, make_dataset(services, names, asked), asked)
    write_examination(services, view, asked, num_classes=4)
    app = visit(view.id)
    assert "It took **“right”** for **“wrong”** once" in "".join(labels(app))
    assert "It said <strong>“wrong”</strong>, 90 % sure. It is <strong>“right”</strong>." in texts(app)
    assert "1 × “right” → “wrong”" in labels(show(app, "Confusion"))
    content = predictions_csv(read_answers(RunFolder(services.settings, view.id)), 1.0, None)
    header, *rows = table(content)
    assert {row[header.index("right")] for row in rows} == {"yes", "no"}


# --- mistakes and corrections ----------------------------------------------------------------------------


def test_the_most_confident_mistake_comes_first(visit: Visit, services: Services, done: int) -> None:
    """With the photo, the heat of the wrong answer, what was learned from; a photo that is gone has a placeholder."""
    path = services.photo_store.path(photo_hash(210), ".jpg")
    path.parent.mkdir(parents=True)
    path.write_bytes(b"some photo")
    first, second = [each.proto.body for each in visit(done).get("html") if "bluetit-case" in each.proto.body][:2]
    assert "It said <strong>“crow”</strong>" in first
    assert "It is <strong>“tit”</strong>" in first
    assert f"/photos/{photo_hash(210)}/512.jpg" in first
    assert f"/heat/{done}/{FINGERPRINT}/{CROW}/{photo_hash(210)}.jpg" in first
    assert "looks most alike" in first
    assert "It is <strong>“crow”</strong>" in second
    assert "not in the workspace any more" in second
    assert photo_hash(110) not in second


def test_corrections_and_their_way_back(visit: Visit, services: Services, done: int) -> None:
    """Trash, unsure and right are one press each; what was decided is told, counted, and can be taken back."""
    app = visit(done)
    place = place_of_sections(app)
    assert "since this model was trained" not in texts(app)
    correct(app, 210, "trash")
    assert place_of_sections(app) == place
    assert image_of(services, 210).trashed_at is not None
    assert "In the trash" in texts(app)
    assert "**1 correction since this model was trained: 1 taken out.**" in texts(app)
    correct(app, 210, "back")
    assert image_of(services, 210).trashed_at is None
    correct(app, 210, "unsure")
    assert image_of(services, 210).review is Review.UNSURE
    press(app, "results.undo")
    assert image_of(services, 210).review is None
    correct(app, 210, "right")
    assert image_of(services, 210).review is Review.RIGHT
    assert "You said: it is right" in texts(app)
    assert "since this model was trained" not in texts(app)  # nothing to learn anew


def test_a_relabelled_photo_says_where_it_went(visit: Visit, services: Services, done: int) -> None:
    """The menu moves it to another class; it tells which, and goes back by one press."""
    (dataset,) = services.library.datasets.all()
    classes = class_ids(services.library, dataset.id)
    app = visit(done)
    menu = next(each for each in app.menu_button if each.key.endswith(f"{photo_hash(210)}.relabel"))
    assert menu.options == ["crow"]
    menu.click(classes["crow"]).run()
    assert not app.exception
    assert "Moved to **“crow”**" in texts(app)
    assert "1 in another class" in texts(app)
    correct(app, 210, "back")
    assert image_of(services, 210).class_id == classes["tit"]


def test_a_deleted_dataset_cannot_be_corrected(visit: Visit, services: Services, done: int) -> None:
    """The run still opens, from its snapshot; there are no buttons, and it says why."""
    (dataset,) = services.library.datasets.all()
    services.library.datasets.delete(dataset.id)
    app = visit(done)
    assert app.title[0].value == "Right 10 times out of 12"
    assert "was deleted, so photos cannot be corrected" in texts(app)
    assert "Trash" not in labels(app)
    for section in ("Confusion", "Labels", "Why", "Model card"):
        show(app, section)


def test_retraining_shows_what_changed(visit: Visit, services: Services, done: int) -> None:
    """One press trains again; whoever waited sees the photos that flipped, others find the way there."""
    app = correct(visit(done), 210, "trash")
    press(app, "results.retrain")
    assert "Birds · Quick · EfficientNet-Lite0, corrected**" in texts(app).replace("\\", "")
    task = services.queue.claim("pretender", [TRAIN_KIND])
    child = services.runs.get_run(int(task.payload["run_id"]))
    assert child.parent_id == done
    progress = run_url(child.id)
    assert watched(app) == {progress}
    unfinished = visit(child.id)
    assert "This run is still training: there are no results yet." in texts(unfinished)
    assert watched(unfinished) == {progress}
    now = [each for each in TESTED if each.number not in (100, 110, 210)]
    now += [
        Asked(number=100, class_index=CROW, probabilities=sure_of(TIT)),
        Asked(number=110, class_index=CROW, probabilities=sure_of(CROW)),
        Asked(number=103, class_index=CROW, probabilities=sure_of(CROW)),
    ]
    write_answers(RunFolder(services.settings, child.id), NAMES, now)
    services.runs.set_finished(child.id, services.runs.get_run(done).outcome)
    services.queue.finish(task.id, "pretender", status=TaskStatus.DONE)
    app.run()
    assert "".join(app.query_params["run"]) == str(child.id)
    said = texts(app)
    assert "1 photo put right, 1 now wrong" in said
    assert "It is “crow”. Before: “tit”; now: “crow”" in said
    assert "It is “crow”. Before: “crow”; now: “tit”" in said
    press(visit(done), "results.to_child")
    press(app, "results.to_parent")
    assert "".join(app.query_params["run"]) == str(done)


# --- the other sections ----------------------------------------------------------------------------------


def test_confusions_lead_to_their_photos(visit: Visit, services: Services, done: int) -> None:
    """A pair shows its photos, which can be selected and moved as on the dataset page."""
    app = visit(done, "Confusion")
    assert [label for label in labels(app) if "→" in label] == ["1 × “crow” → “tit”", "1 × “tit” → “crow”"]
    press(app, f"pair.{CROW}.{TIT}")
    assert "1 photo of **“crow”** taken for **“tit”**" in texts(app)
    assert any(each.key == "results.confusion.grid" for each in app.get("bidi_component"))


def test_scores_by_class(visit: Visit, services: Services) -> None:
    """A class without photos has empty cells and no curves; the table comes as CSV."""
    names = ("crow", "owl", "tit")
    asked = [
        Asked(number=100, class_index=0, probabilities=sure_of(0, 0.9, 3)),
        Asked(number=101, class_index=0, probabilities=sure_of(2, 0.9, 3)),
        Asked(number=200, class_index=2, probabilities=sure_of(2, 0.9, 3)),
    ]
    view = write_run(services, make_dataset(services, names, asked), asked)
    app = visit(view.id, "Per class")
    assert "so nothing can be said of them: **“owl”**" in texts(app)
    frame = app.dataframe[0].value
    assert frame["Photos"].tolist() == [2, 0, 1]
    assert frame["Found"].isna().tolist() == [False, True, False]
    assert "area **0.750**" in texts(app)
    app.selectbox(key="results.per_class.class").set_value(1).run()
    assert "no photos of this class" in texts(app)
    download = next(each for each in app.get("download_button") if each.key == "results.per_class.csv")
    download.click().run()
    assert not app.exception


def test_doubtful_labels(visit: Visit, services: Services, done: int) -> None:
    """Flagged photos come with the same buttons; the merely odd ones on request."""
    app = visit(done, "Labels")
    assert "**1 training photo** looks as if it were in the wrong class" in texts(app)
    app.toggle(key="results.labels.with_all").set_value(True).run()
    assert "It is in <strong>“crow”</strong>, but looks like <strong>“tit”</strong>." in texts(app)
    assert any("1 training photo" in label for label in labels(app))
    correct(app, train_numbers(TIT)[0], "unsure")
    assert image_of(services, train_numbers(TIT)[0]).review is Review.UNSURE
    assert not any("1 training photo" in label for label in labels(app))  # that is settled


def test_when_to_say_i_do_not_know(visit: Visit, services: Services, done: int) -> None:
    """The slider tells what it means; saving writes the decision, which the slider shows from then on."""
    app = visit(done, "How sure")
    key = f"results.certainty.strictness.{done}"
    assert "It answers every photo and is right on 83" in texts(app)
    press(app, "results.certainty.suggested")
    assert app.select_slider(key=key).value == DEFAULT_STRICTNESS
    app.select_slider(key=key).set_value(STRICTNESSES[15]).run()
    assert "to 1 it says “I don't know”" in texts(app)
    press(app, "results.certainty.save")
    decision = read_decision(RunFolder(services.settings, done))
    assert decision.min_probability > 0.5
    assert decision.refuses
    again = visit(done, "How sure")
    assert again.select_slider(key=key).value != 0
    assert next(each for each in again.button if each.key == "results.certainty.save").disabled


def test_why_and_more_photos_and_the_card(visit: Visit, done: int) -> None:
    """The shortcut in words with its examples, the curve in one sentence, the facts of the run."""
    app = visit(done, "Why")
    said = texts(app)
    assert "**“tit”**: of 3 right answers, 25" in said
    assert "at the bottom left" in said
    assert "The photos of one class were too few." in said  # what could not be looked at
    app.selectbox(key="results.why.for").set_value(TIT).run()
    assert "Why “tit” (" in texts(app)
    show(app, "More photos?")
    assert "More photos would probably help" in texts(app)
    show(app, "Model card")
    said = texts(app)
    assert "12 photos of 2 classes of the dataset Birds; 12 for validation and 12 for the test" in said
    assert "Bluetit 0.1.0, keras 3.15.1" in said
    for download in app.get("download_button"):
        download.click().run()
        assert not app.exception


# --- the closer look -------------------------------------------------------------------------------------


def test_a_closer_look_is_asked_for_by_itself(visit: Visit, services: Services) -> None:
    """Once, by the first visitor; shown while it goes on, there when it is done, and told when it fails."""
    asked = (*TESTED, *VALIDATED)
    view = write_run(services, make_dataset(services, NAMES, asked), asked)
    app = visit(view.id)
    assert "Looking closer at the model" in texts(app)
    task = services.queue.latest(examination_key(view.id))
    visit(view.id)
    assert services.queue.latest(examination_key(view.id)).id == task.id
    services.queue.claim("pretender", [EXAMINE_KIND])
    services.queue.finish(task.id, "pretender", status=TaskStatus.FAILED, error="The photos are *gone*.")
    assert "The photos are *gone*." in texts(app.run())
    press(app, f"again.{view.id}")
    again = services.queue.claim("pretender", [EXAMINE_KIND])
    write_examination(services, view, asked)
    services.queue.finish(again.id, "pretender", status=TaskStatus.DONE)
    assert "Looking closer" not in texts(app.run())
    assert "looks most alike" in texts(app)


# --- what may be damaged or unusual ----------------------------------------------------------------------


@pytest.mark.parametrize("damage", [Path.unlink, lambda path: path.write_bytes(b"PK nonsense")], ids=["gone", "cut"])
def test_lost_answers_are_said(visit: Visit, services: Services, done: int, damage: Callable[[Path], object]) -> None:
    """The rest of the page works: labels, shortcuts, the card; another run is not touched."""
    damage(RunFolder(services.settings, done).predictions_path)
    app = visit(done)
    assert "What it said to the photos is lost." in texts(app)
    assert "about the photos that judge the model, and there are none" in texts(app)
    for section in group(app, "results.section").options:
        show(app, section)
    show(app, "Labels")
    assert "looks like <strong>“crow”</strong>" in texts(app)


def test_a_damaged_model_or_decision_is_said(visit: Visit, services: Services, done: int) -> None:
    """Without its description there are no heat maps, but all figures; a damaged decision can be saved anew."""
    folder = RunFolder(services.settings, done)
    folder.decision_path.write_text("{}{", "utf-8")
    app = visit(done, "How sure")
    assert "decision.json" in texts(app)
    press(app, "results.certainty.save")
    assert read_decision(folder) == Decision(temperature=read_decision(folder).temperature)
    folder.model_record_path.write_text("{}", "utf-8")
    app = visit(done, "Mistakes")
    assert "there are no heat maps" in texts(app)
    assert "/heat/" not in texts(app)


def test_names_are_shown_letter_by_letter(visit: Visit, services: Services) -> None:
    """Neither Markdown nor HTML nor Plotly nor a spreadsheet takes a class' name for an instruction."""
    view = write_run(services, make_dataset(services, HOSTILE, TESTED), TESTED)
    order = sorted(HOSTILE)
    write_examination(services, view, TESTED)
    app = visit(view.id)
    for section in group(app, "results.section").options:
        show(app, section)
        assert "<b>cat</b>" not in "".join(each.proto.body for each in app.get("html"))
    pointer = next(each.label for each in app.button if each.key == "results.pointer.Confusion")
    assert r"\*\*dog\*\* \$y\$" in pointer
    assert table(to_csv(["=a"], [[order[0], "@x", 0.5, float("nan"), True]])) == [
        ["'=a"],
        [order[0], "'@x", "0.5000", "", "yes"],
    ]


def test_two_hundred_classes(visit: Visit, services: Services) -> None:
    """Every section opens; the matrix shows the most confused classes, others on request."""
    names = tuple(f"species {index:03d}" for index in range(200))
    asked = [
        Asked(
            number=index, class_index=index, probabilities=sure_of(index if index % 4 else (index + 1) % 200, 0.9, 200)
        )
        for index in range(200)
    ]
    view = write_run(services, make_dataset(services, names, asked, num_train=1), asked)
    write_examination(services, view, asked, num_classes=200)
    app = visit(view.id)
    assert app.title[0].value == "Right 150 times out of 200"
    assert app.pagination(key="results.mistakes.page").proto.num_pages == 9
    for section in group(app, "results.section").options:
        show(app, section)
    show(app, "Confusion")
    group(app, "results.confusion.shown").set_value("All classes").run()
    assert not app.exception
