"""Every state of the dataset page."""

import io
import json
import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from PIL import Image
from streamlit.testing.v1 import AppTest

from core.datasets.checks.findings import Finding, Loss, RemedyKind, removal
from core.datasets.checks.photo_checks import PHOTO_CHECKS, PhotoCheck, measured
from core.datasets.checks.words import Words
from core.datasets.records import Review, Split
from core.datasets.samples.drawn_samples import CLASS_NAMES
from core.datasets.sources.requests import ImportRequest, StagedFiles
from core.datasets.tasks import CHECK_KIND, EXPORT_KIND, MAP_KIND
from core.environment import to_environment
from core.phones.links import PhoneLinks
from core.phones.records import PhoneLinkView
from core.photos.samples import SAMPLE_PHOTOS, sample_path
from core.settings import Settings
from pages.dataset import samples
from pages.server.dataset_watch import tell_dataset_now
from pages.server.file_routes import FILE_ROUTES
from pages.server.services import close_services, get_services
from tests.conftest import PROJECT_DIR
from tests.pages.component_data import told
from tests.pages.conftest import RUN_TIMEOUT_SECONDS
from tests.pages.server.route_visits import fetch
from tests.waiting import wait_until

Visit = Callable[..., AppTest]

PAGE = "pages/dataset/page.py"
WORK_TIMEOUT_SECONDS = 300.0
TILE_PX = 130
SECTIONS = ("Collect", "Photos", "Sort", "Check", "Split", "Map", "Vary")


# --- photos ----------------------------------------------------------------------------------------------


def tiles() -> list[bytes]:
    """Squares cut out of the sample photos, none overlapping another, as JPEG files."""
    found = []
    for sample in SAMPLE_PHOTOS:
        with Image.open(sample_path(sample)) as opened:
            photo = opened.convert("RGB")
        for top in range(0, min(photo.height, 3 * TILE_PX) - TILE_PX + 1, TILE_PX):
            for left in range(0, min(photo.width, 3 * TILE_PX) - TILE_PX + 1, TILE_PX):
                found.append(jpeg(photo.crop((left, top, left + TILE_PX, top + TILE_PX))))
    return found


def jpeg(photo: Image.Image, quality: int = 90) -> bytes:
    target = io.BytesIO()
    photo.save(target, "JPEG", quality=quality)
    return target.getvalue()


def tinted(number: int) -> bytes:
    """A small photo that no other number gives."""
    return jpeg(Image.new("RGB", (32, 32), (number, 255 - number, 90)))


TILES = tiles()


def zip_of(files: Mapping[str, bytes]) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return target.getvalue()


def sorted_photos(**num_photos: int) -> dict[str, bytes]:
    """So many different photos for each class, as paths with class folders; underscores stand for slashes."""
    remaining = iter(TILES)
    return {
        f"{folder.replace('_', '/')}/{number}.jpg": next(remaining)
        for folder, number_of_photos in num_photos.items()
        for number in range(1, number_of_photos + 1)
    }


# --- the page --------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def workspace(prepared_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    """One workspace for this module; each test makes datasets of its own in it."""
    folder = tmp_path_factory.mktemp("dataset-page")
    shutil.copytree(prepared_cache, folder / "cache")
    (folder / "server").mkdir()
    settings = Settings(
        workspace_dir=folder / "workspace", cache_dir=folder / "cache", import_dirs=(str(folder / "server"),)
    )
    close_services()
    with pytest.MonkeyPatch.context() as patch:
        for name, value in to_environment(settings).items():
            patch.setenv(name, value)
        yield settings
        close_services()


@pytest.fixture
def visit(workspace: Settings) -> Visit:
    """A function that opens the page as a new visitor, with a dataset in the address if one is given."""

    def open_page(dataset: int | str | None = None, section: str = "Collect") -> AppTest:
        app = AppTest.from_file(str(PROJECT_DIR / "streamlit_app.py"), default_timeout=RUN_TIMEOUT_SECONDS)
        if dataset is not None:
            app.query_params["dataset"] = str(dataset)
        app.switch_page(PAGE).run()
        return app if section == "Collect" else go_to(app, section)

    return open_page


@pytest.fixture(scope="module")
def birds(workspace: Settings) -> int:
    """A dataset with six crows and five tits; tests work on copies of it."""
    return bring(get_services().library.datasets.create("Birds").id, sorted_photos(crow=6, tit=5))


def bring(dataset_id: int, files: Mapping[str, bytes]) -> int:
    """Have the worker import photos with class folders; returns the dataset."""
    services = get_services()
    staging = services.imports.stage_files(files.items())
    services.imports.submit(ImportRequest(dataset_id=dataset_id, source=StagedFiles(folder=staging), title="Photos"))
    wait_for_imports(dataset_id)
    return dataset_id


def new_dataset(name: str = "Empty", *classes: str) -> int:
    library = get_services().library
    dataset = library.datasets.create(library.datasets.free_name(name))
    for class_name in classes:
        library.classes.create(dataset.id, class_name)
    return dataset.id


def copy_of(dataset_id: int) -> int:
    library = get_services().library
    return library.datasets.duplicate(dataset_id, library.datasets.free_name("Copy")).id


def wait_for_imports(dataset_id: int) -> None:
    desk = get_services().imports
    wait_until(lambda: not any(each.is_active for each in desk.list_statuses(dataset_id)), WORK_TIMEOUT_SECONDS)


def wait_for_task(kind: str, dataset_id: int) -> None:
    tasks = get_services().dataset_tasks
    wait_until(lambda: not tasks.is_active(kind, dataset_id), WORK_TIMEOUT_SECONDS)


def settle(app: AppTest) -> AppTest:
    """The timers of the page do not tick in a test: wait for the imports, then look again."""
    wait_for_imports(dataset_id(app))
    app.run()
    assert not app.exception, app.exception
    return app


def stop_import(app: AppTest) -> None:
    """Stop the import whose bar is shown, as the button beside the bar does in a browser."""
    (each,) = told(app)["imports"]
    get_services().imports.cancel(each["id"])
    app.run()


def state_now(app: AppTest) -> str:
    """The state of the open dataset, whatever the page shows."""
    services, open_id = get_services(), dataset_id(app)
    standing = services.library.datasets.standing(open_id)
    return tell_dataset_now(open_id, standing, services.imports.list_statuses(open_id), services)["state"]


def settle_check(app: AppTest) -> AppTest:
    """Wait until the open dataset has been checked as it is now, then look again."""
    library, open_id = get_services().library, dataset_id(app)

    def is_checked() -> bool:
        check = library.checks.load(open_id)
        return check is not None and check[0] == library.datasets.get(open_id).revision

    wait_until(is_checked, WORK_TIMEOUT_SECONDS)
    wait_for_task(CHECK_KIND, open_id)
    app.run()
    assert not app.exception, app.exception
    return app


def dataset_id(app: AppTest) -> int:
    """The dataset in the address."""
    return int("".join(app.query_params["dataset"]))


def go_to(app: AppTest, section: str) -> AppTest:
    group(app, "dataset.section").set_value(section).run()
    assert not app.exception, app.exception
    return app


def set_shares(app: AppTest, validation_percent: int, test_percent: int) -> AppTest:
    app.slider(key="dataset.split.validation").set_value(validation_percent)
    return app.slider(key="dataset.split.test").set_value(test_percent).run()


def button(app: AppTest, label: str):
    return next(candidate for candidate in app.button if candidate.label == label)


def group(app: AppTest, key: str):
    return next(candidate for candidate in app.get("button_group") if candidate.key.startswith(key))


def uploader(app: AppTest, key: str):
    return next(candidate for candidate in app.file_uploader if candidate.key.startswith(key))


def labels(app: AppTest) -> list[str]:
    return [candidate.label for candidate in app.button]


def texts(app: AppTest) -> str:
    """Everything the page says, without the backslashes that keep names from being Markdown."""
    kinds = (app.title, app.subheader, app.markdown, app.caption, app.error, app.warning, app.info, app.success)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "")


def errors(app: AppTest) -> str:
    assert not app.exception, app.exception
    return "\n".join(error.value for error in app.error).replace("\\", "")


def toasts(app: AppTest) -> str:
    return "\n".join(toast.value for toast in app.toast).replace("\\", "")


def counts(dataset_id: int) -> dict[str, int]:
    return {found.name: found.num_images for found in get_services().library.classes.of(dataset_id)}


def class_ids(dataset_id: int) -> dict[str, int]:
    return {found.name: found.id for found in get_services().library.classes.of(dataset_id)}


def splits(dataset_id: int) -> dict[int, Split | None]:
    return {image.id: image.split for image in get_services().library.images.of(dataset_id)}


def create(app: AppTest, name: str, classes: str) -> AppTest:
    app.text_input(key="dataset.start.name").set_value(name)
    app.text_input(key="dataset.start.classes").set_value(classes)
    return button(app, "Create").click().run()


# --- the list of datasets --------------------------------------------------------------------------------


def test_an_empty_workspace_invites(open_app: Callable[..., AppTest], prepared_settings: Settings):
    """A new visitor can make a dataset, bring sorted photos or take samples; nothing else is shown, and no error."""
    close_services()
    app = open_app(prepared_settings).switch_page(PAGE).run()
    assert errors(app) == ""
    assert app.title[0].value == "Teach it your own photos"
    assert labels(app) == ["Create", "Painted birds", "Handwritten digits"]
    assert "Go on with" not in texts(app)
    assert not app.expander
    create(app, "Birds", "crow")
    assert "A folder of this server" not in [box.label for box in app.selectbox]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Garden birds", "Garden birds"),
        ("  Two   spaces ", "Two spaces"),
        ("🐦 birds 👩🏽‍🌾", "🐦 birds 👩🏽‍🌾"),
        ("cats/dogs", "cats/dogs"),
        ("../../etc/passwd", "../../etc/passwd"),
        ("<b>*bold*</b> $x^2$ :smile:", "<b>*bold*</b> $x^2$ :smile:"),
        ("n" * 100, "n" * 100),
        ("", "crow or 🐦/tit"),
    ],
)
def test_a_dataset_is_made_with_its_classes(visit: Visit, name: str, expected: str):
    """It opens with its name letter by letter, its classes to choose from, and its number in the address."""
    app = create(visit(), name, "crow, 🐦/tit,, ")
    assert errors(app) == ""
    assert app.title[0].value.replace("\\", "") == expected
    assert group(app, "dataset.collect.target").options == ["crow · 0", "🐦/tit · 0"]
    assert counts(dataset_id(app)) == {"crow": 0, "🐦/tit": 0}
    assert "**0 photos** in 2 classes" in texts(app)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "has no name yet"),
        ("   ", "has no name yet"),
        ("\u200b", "has no name"),
        ("x" * 300, "has 300 characters; at most 100"),
        ("bIRDS", "There is a dataset named “bIRDS” already"),
    ],
    ids=["empty", "spaces", "invisible", "too long", "taken"],
)
def test_a_dataset_with_a_bad_name_is_not_made(visit: Visit, birds: int, name: str, message: str):
    """The page says what is wrong with the name, and nothing is made."""
    before = get_services().library.datasets.all()
    app = create(visit(), name, "")
    assert message in errors(app)
    assert app.title[0].value == "Teach it your own photos"
    assert get_services().library.datasets.all() == before
    assert not app.run().error


@pytest.mark.parametrize(
    ("classes", "message"),
    [("owl, Owl, finch", "Owl"), (f"owl, {'y' * 300}, finch", "has 300 characters")],
    ids=["twice", "too long"],
)
def test_a_bad_class_name_leaves_nothing_half_made(visit: Visit, classes: str, message: str):
    """The page says which name could not be used; what was typed stays, and no dataset is made."""
    app = create(visit(), "Night watch", classes)
    assert message in errors(app)
    assert get_services().library.datasets.find("Night watch") is None
    assert app.text_input(key="dataset.start.classes").value == classes


def test_many_classes_make_a_name_that_is_short_enough_and_free(visit: Visit):
    """Who names only the classes is never told that the name, which the page makes of them, is refused."""
    classes = ", ".join(f"kind number {number}" for number in range(30))
    names = []
    for _ in range(2):
        app = create(visit(), "", classes)
        assert errors(app) == ""
        assert len(counts(dataset_id(app))) == 30
        names.append(app.title[0].value)
    assert names[0] != names[1]


def test_the_list_opens_deletes_and_brings_back(visit: Visit):
    """A dataset is deleted, told of, brought back from the list, and opened from there."""
    doomed = new_dataset("Doomed *one*", "crow")
    app = visit(doomed)
    button(app, "Delete").click().run()
    assert "Deleted Doomed *one*" in toasts(app)
    assert app.title[0].value == "Teach it your own photos"
    assert "dataset" not in app.query_params
    assert any("Deleted datasets" in expander.label for expander in app.expander)
    app.button(key=f"dataset.start.restore.{doomed}").click().run()
    assert errors(app) == ""
    app.button(key=f"dataset.start.open.{doomed}").click().run()
    assert app.title[0].value.replace("\\", "") == "Doomed *one*"
    assert counts(doomed) == {"crow": 0}


def test_a_deleted_dataset_goes_for_good_only_after_a_question(visit: Visit):
    """The list says how long it can be brought back; one click asks, the next deletes, and keeping it is one too."""
    library, doomed = get_services().library, new_dataset("Doomed", "crow")
    library.datasets.delete(doomed)
    app = visit()
    assert any("Doomed" in text.value and "goes for good in 30 days" in text.value for text in app.markdown)
    app.button(key=f"dataset.deleted.ask.{doomed}").click().run()
    assert any("for good?** It has no photos. This cannot be undone." in text.value for text in app.markdown)
    app.button(key=f"dataset.deleted.keep.{doomed}").click().run()
    assert library.datasets.get(doomed).trashed_at is not None
    app.button(key=f"dataset.deleted.ask.{doomed}").click().run()
    app.button(key=f"dataset.deleted.purge.{doomed}").click().run()
    assert errors(app) == ""
    assert "Deleted Doomed for good." in toasts(app)
    assert library.datasets.in_trash() == []


def test_one_brought_back_beside_a_new_one_of_its_name_is_numbered(visit: Visit):
    """Its name may have been given away meanwhile."""
    library, old = get_services().library, new_dataset("Twin")
    app = visit(old)
    button(app, "Delete").click().run()
    library.datasets.create("Twin")
    app.run().button(key=f"dataset.start.restore.{old}").click().run()
    assert errors(app) == ""
    assert library.datasets.get(old).name == "Twin 2"


def test_a_dataset_is_renamed_and_duplicated(visit: Visit, birds: int):
    """A taken name is refused and the old one stays; a copy has the photos and opens."""
    renamed = copy_of(birds)
    app, key = visit(renamed), f"dataset.menu.name.{renamed}"
    app.text_input(key=key).set_value("Feathers").run()
    assert app.title[0].value == "Feathers"
    app.text_input(key=key).set_value("Birds").run()
    assert "Birds" in errors(app)
    assert app.title[0].value == "Feathers"
    assert app.text_input(key=key).value == "Feathers"
    button(app, "Duplicate").click().run()
    assert app.title[0].value == "Feathers 2"
    assert dataset_id(app) != renamed
    assert counts(dataset_id(app)) == {"crow": 6, "tit": 5}


# --- the address -----------------------------------------------------------------------------------------


def test_the_address_opens_a_dataset_and_follows_the_visitor(visit: Visit, birds: int):
    """The address names the open dataset, also after choosing another one; on the list it names none."""
    other = new_dataset("Somewhere else")
    app = visit(birds)
    assert app.title[0].value == "Birds"
    chooser = app.selectbox(key="dataset.chooser")
    chooser.select_index(chooser.options.index("Somewhere else · 0 photos")).run()
    assert app.title[0].value == "Somewhere else"
    assert dataset_id(app) == other
    button(app, "All datasets").click().run()
    assert "dataset" not in app.query_params
    assert "Somewhere else" in texts(app)


def test_the_dataset_stays_open_while_looking_at_other_pages(visit: Visit, birds: int):
    """Going to Networks and back comes back to the dataset and to the section."""
    app = visit(birds, "Vary")
    app.switch_page("pages/networks/page.py").run()
    assert app.title[0].value == "Networks"
    app.switch_page(PAGE).run()
    assert app.title[0].value == "Birds"
    assert app.session_state["dataset.section"] == "Vary"
    assert dataset_id(app) == birds


@pytest.mark.parametrize(
    "address",
    ["-1", "0", "9" * 18, "9" * 19, "9" * 5_000, "²", "1e3", "1 or 1=1", "../../etc", "<script>", "", "\x00", "🐦"],
)
def test_an_address_that_is_made_up_opens_the_list(visit: Visit, address: str):
    """Whatever somebody types there, the list of datasets comes, and the address forgets it."""
    app = visit(address)
    assert not app.exception, app.exception
    assert app.title[0].value == "Teach it your own photos"
    assert "dataset" not in app.query_params


def test_a_link_to_a_dataset_that_is_not_there_says_so(visit: Visit):
    """A number that no dataset has is an error message; one in the trash is in the list of the deleted."""
    assert "999999" in errors(visit(999_999))
    deleted = new_dataset("Deleted")
    get_services().library.datasets.delete(deleted)
    app = visit(deleted)
    assert app.button(key=f"dataset.start.restore.{deleted}")
    assert "dataset" not in app.query_params


# --- Collect ---------------------------------------------------------------------------------------------


def test_a_dataset_without_classes_asks_for_one(visit: Visit):
    """Photos need a class; a bad name is refused, a good one is made and chosen."""
    app = visit(new_dataset())
    assert "Name your first class" in texts(app)
    assert "Add a class first" in texts(app)
    assert not [box for box in app.file_uploader if "Drop photos" in box.label]
    for name, message in (("", ""), ("z" * 300, "has 300 characters")):  # nothing typed: a click too many
        app.text_input(key="dataset.collect.new_class").set_value(name)
        button(app, "Add class").click().run()
        assert message in errors(app)
    app.text_input(key="dataset.collect.new_class").set_value("a/b 🐦")
    button(app, "Add class").click().run()
    assert errors(app) == ""
    assert uploader(app, "dataset.collect.files").label.startswith("Drop photos of a/b 🐦 here")


def test_the_same_class_twice_is_refused(visit: Visit):
    """Case does not make it another class."""
    app = visit(new_dataset("Twice", "crow"))
    app.text_input(key="dataset.collect.new_class").set_value("Crow")
    button(app, "Add class").click().run()
    assert "Crow" in errors(app)
    assert counts(dataset_id(app)) == {"crow": 0}


def test_uploaded_photos_go_into_the_chosen_class(visit: Visit):
    """The counts follow, the bad files are listed with reasons, the chosen class stays, and Hide hides the report."""
    app = visit(new_dataset("Upload", "crow", "tit"))
    tit = class_ids(dataset_id(app))["tit"]
    group(app, "dataset.collect.target").set_value(tit).run()
    uploader(app, f"dataset.collect.files.{tit}").set_value(
        [
            ("1.jpg", TILES[0], "image/jpeg"),
            ("2.jpg", TILES[1], "image/jpeg"),
            ("list *of* things.jpg", b"shopping list", "image/jpeg"),
            ("empty.png", b"", "image/png"),
        ]
    ).run()
    assert settle(app)
    assert counts(dataset_id(app)) == {"crow": 0, "tit": 2}
    assert "**4 files** · 2 photos added, 2 refused" in texts(app)
    assert "**2 photos** in 2 classes" in texts(app)
    assert "**list *of* things.jpg** — " in texts(app)
    assert "**empty.png** — " in texts(app)
    assert app.session_state["dataset.collect.target"] == tit
    assert group(app, "dataset.collect.target").options == ["crow · 0", "tit · 2"]
    button(app, "Hide").click().run()
    assert "photos added" not in texts(app)
    assert "empty.png" not in texts(app)


def test_reports_are_shown_where_photos_are_collected(visit: Visit, birds: int):
    """The other sections do not repeat them."""
    app = visit(bring(new_dataset("Report"), {"crow/1.jpg": TILES[0]}))
    assert "1 photo added" in texts(app)
    assert "1 photo added" not in texts(go_to(app, "Photos"))


def test_nothing_but_bad_files_adds_nothing(visit: Visit):
    """Every file is refused with a reason and the class stays empty."""
    app = visit(new_dataset("Bad files", "crow"))
    uploader(app, "dataset.collect.files").set_value([("notes.jpg", b"shopping list", "image/jpeg")]).run()
    settle(app)
    assert counts(dataset_id(app)) == {"crow": 0}
    assert "1 refused" in texts(app)
    assert "**notes.jpg** — " in texts(app)


def test_an_uploaded_archive_becomes_a_dataset(visit: Visit):
    """Named after the archive, with the classes and the splits of its folders."""
    files = sorted_photos(train_crow=3, train_tit=2, val_crow=1, test_tit=1)
    app = visit()
    uploader(app, "dataset.start.archive").set_value([("Feeder.zip", zip_of(files), "application/zip")]).run()
    assert settle(app).title[0].value == "Feeder"
    assert counts(dataset_id(app)) == {"crow": 4, "tit": 3}
    names = {number: name for name, number in class_ids(dataset_id(app)).items()}
    found = get_services().library.images.count(dataset_id(app))
    assert {(names[class_id], split): number for (class_id, split), number in found.items()} == {
        ("crow", Split.TRAIN): 3,
        ("crow", Split.VALIDATION): 1,
        ("tit", Split.TRAIN): 2,
        ("tit", Split.TEST): 1,
    }


def test_a_broken_archive_fails_with_a_message_and_can_be_tried_again(visit: Visit):
    """The dataset is there but empty, the message names the file, and one click begins anew."""
    app = visit()
    uploader(app, "dataset.start.archive").set_value([("Broken.zip", b"PK\x03\x04 half", "application/zip")]).run()
    assert "Broken.zip" in errors(settle(app))
    button(app, "Try again").click().run()
    assert "Broken.zip" in errors(settle(app))
    assert get_services().library.datasets.get(dataset_id(app)).num_images == 0


def test_an_uploaded_folder_becomes_a_dataset(visit: Visit):
    """The outermost folder names the dataset, those in it the classes."""
    files = sorted_photos(Pets_cat=2, Pets_dog=1)
    app = visit()
    uploader(app, "dataset.start.folder").set_value(
        [(path, content, "image/jpeg") for path, content in files.items()]
    ).run()
    assert settle(app).title[0].value == "Pets"
    assert counts(dataset_id(app)) == {"cat": 2, "dog": 1}


def test_class_folders_that_are_alike_are_asked_about(visit: Visit):
    """Nothing is added before the person has said what each folder is called; then the photos are in one class."""
    app = visit(new_dataset("Plural"))
    files = sorted_photos(train_cat=3, val_cats=2, train_dog=1)
    uploader(app, "dataset.collect.archive").set_value([("pets.zip", zip_of(files), "application/zip")]).run()
    assert "one question" in texts(settle(app))
    assert counts(dataset_id(app)) == {}
    box = next(box for box in app.text_input if box.label == "Name of the class of “cat” and “cats”")
    assert box.value == "cat"
    assert "one question" in texts(go_to(app, "Photos"))
    button(app, "Import 6 photos").click().run()
    assert "6 photos added" in texts(go_to(settle(app), "Collect"))
    assert counts(dataset_id(app)) == {"cat": 5, "dog": 1}


def test_an_answer_that_is_no_name_is_asked_for_again(visit: Visit):
    """An empty box or one with 300 letters gives a message, the question stays, and no photo is lost."""
    app = visit(bring(new_dataset("Bad answer"), sorted_photos(cat=2, cats=1)))
    group(app, "dataset.arrivals.kind").set_value("Keep apart").run()
    for answer, message in (("", "has no name"), ("x" * 300, "has 300 characters"), ("feline 🐈", "")):
        next(box for box in app.text_input if box.label.startswith("cats (")).set_value(answer)
        button(app, "Import 3 photos").click().run()
        assert message in errors(app)
    assert errors(settle(app)) == ""
    assert counts(dataset_id(app)) == {"cat": 2, "feline 🐈": 1}


def test_the_person_says_which_folders_are_the_classes(visit: Visit):
    """Where the tree can be read in two ways, the outermost folders can be chosen."""
    app = visit(bring(new_dataset("Deep"), sorted_photos(cats_indoor=2, cats_outdoor=1, dogs_indoor=2)))
    reading = next(radio for radio in app.radio if radio.label == "What are the classes?")
    reading.set_value(next(option for option in reading.options if "outermost" in option)).run()
    button(app, "Import 5 photos").click().run()
    settle(app)
    assert counts(dataset_id(app)) == {"cats": 3, "dogs": 2}


def test_the_painted_birds_come_with_their_classes(visit: Visit, monkeypatch: pytest.MonkeyPatch):
    """One click makes a dataset with the classes of the sample, another one in it adds as many photos again."""
    monkeypatch.setattr(samples, "_NUM_DRAWN", 2)
    app = visit()
    button(app, "Painted birds").click().run()
    assert settle(app).title[0].value == "Painted birds"
    assert counts(dataset_id(app)) == dict.fromkeys(CLASS_NAMES, 2)
    button(go_to(app, "Collect"), "Painted birds").click().run()
    settle(app)
    assert counts(dataset_id(app)) == dict.fromkeys(CLASS_NAMES, 4)
    images = get_services().library.images.of(dataset_id(app))
    assert len({image.photo_hash for image in images}) == len(images), "the same birds came twice"


def test_an_import_under_way_is_shown_in_every_section(visit: Visit):
    """The sample begins at once, on a dataset that is open already; stopping it leaves the dataset empty."""
    app = visit()
    button(app, "Handwritten digits").click().run()
    assert app.title[0].value == "Handwritten digits"
    assert [each["title"] for each in told(go_to(app, "Photos"))["imports"]] == ["Handwritten digits"]
    stop_import(app)
    assert told(settle(app))["imports"] == []
    assert counts(dataset_id(app)) == {}


def test_an_import_can_be_stopped(visit: Visit):
    """Nothing of it is added, the report says so, and another import works afterwards."""
    app = visit(new_dataset("Stopped", "crow"))
    button(app, "Handwritten digits").click().run()
    stop_import(app)
    assert "stopped, nothing was added" in texts(settle(app))
    assert counts(dataset_id(app)) == {"crow": 0}
    uploader(app, "dataset.collect.files").set_value([("1.jpg", TILES[0], "image/jpeg")]).run()
    settle(app)
    assert counts(dataset_id(app)) == {"crow": 1}


def test_an_import_without_photos_is_no_success(visit: Visit):
    """The report says that there was nothing in it, in place of a tick."""
    app = visit(bring(new_dataset("Nothing"), {"crow/.hidden.jpg": TILES[0]}))
    assert "there was no photo in it" in texts(app)
    assert ":material/check_circle:" not in texts(app)


def test_names_of_classes_are_shown_letter_by_letter(visit: Visit):
    """Markdown and HTML in a name are letters like others, on the pills and in the chart."""
    app = visit(bring(new_dataset("Letters", "**a** :red[b]"), {"<b>c/1.jpg": TILES[0]}), "Collect")
    options = [option.content for option in group(app, "dataset.collect.target").proto.options]
    assert not any("**" in option or ":red[" in option or "<b>" in option for option in options)
    (chart,) = app.get("plotly_chart")
    assert "&lt;b>c" in json.loads(chart.proto.spec)["layout"]["yaxis"]["ticktext"]


def test_no_folder_of_the_server_chosen(visit: Visit):
    """Import without a choice asks for one."""
    app = visit(new_dataset("Unchosen"))
    button(app, "Import").click().run()
    assert "No folder is chosen yet" in errors(app)


def test_a_folder_of_the_server_is_imported(visit: Visit, workspace: Settings, shared_dir: Path):
    """Allowed folders are offered; their class and split folders count."""
    (root,) = workspace.import_dirs
    source = shared_dir / "data" / "alien_vs_predator"
    for folder in ("train/alien", "train/predator", "validation/alien"):
        target = Path(root, "avp", folder)
        target.mkdir(parents=True)
        for photo in sorted((source / folder).iterdir())[:3]:
            shutil.copy(photo, target)
    app = visit(new_dataset("Server"))
    box = app.selectbox(key="dataset.collect.server_folder")
    assert box.options == [root, str(Path(root, "avp"))]
    box.set_value(str(Path(root, "avp")))
    button(app, "Import").click().run()
    assert errors(app) == ""
    settle(app)
    assert counts(dataset_id(app)) == {"alien": 6, "predator": 3}
    assert list(splits(dataset_id(app)).values()).count(Split.VALIDATION) == 3


def test_a_folder_of_the_server_that_has_gone_is_refused(visit: Visit, workspace: Settings):
    """The message names the folders from which photos may be imported."""
    gone = Path(workspace.import_dirs[0], "gone")
    gone.mkdir()
    app = visit(new_dataset("Gone"))
    app.selectbox(key="dataset.collect.server_folder").set_value(str(gone))
    gone.rmdir()
    button(app, "Import").click().run()
    assert "in the folders from which photos may be imported" in errors(app)


def test_a_link_that_leads_out_of_the_allowed_folders_is_refused(visit: Visit, workspace: Settings):
    """What the administrator has not allowed is not read; the message is that for a folder that is not there."""
    outside = Path(workspace.import_dirs[0], "outside")
    outside.symlink_to(workspace.workspace_dir, target_is_directory=True)
    app = visit(new_dataset("Outside"))
    app.selectbox(key="dataset.collect.server_folder").set_value(str(outside))
    button(app, "Import").click().run()
    outside.unlink()
    assert "in the folders from which photos may be imported" in errors(app)
    assert not get_services().imports.list_statuses(dataset_id(app))


def test_the_form_for_links(visit: Visit):
    """Without a link there is a message; a link to this computer itself is refused with a reason."""
    app = visit(new_dataset("Links", "crow"))
    fetch = next(each for each in app.button if each.label == "Fetch")
    fetch.click().run()
    assert "There is no link yet" in errors(app)
    app.text_area(key="dataset.collect.links").set_value("\n http://127.0.0.1:1/photo.jpg \n\n")
    next(each for each in app.button if each.label == "Fetch").click().run()
    settle(app)
    assert counts(dataset_id(app)) == {"crow": 0}
    assert "is not a public server" in errors(app)
    assert "There is no link yet" not in errors(app)


def test_public_sources_show_what_they_need(visit: Visit):
    """Each source has its form; an empty name is refused before anything is fetched."""
    app = visit(new_dataset("Public"))
    assert [each.disabled for each in app.button if each.label == "Fetch"] == [False, True]
    for source, key in (("Kaggle", "kaggle_handle"), ("TensorFlow Datasets", "tfds_name")):
        group(app, "dataset.collect.public").set_value(source).run()
        app.text_input(key=f"dataset.collect.{key}").set_value("")
        [each for each in app.button if each.label == "Fetch"][1].click().run()
        assert "is empty" in errors(app)
    assert not get_services().imports.list_statuses(dataset_id(app))


# --- classes ---------------------------------------------------------------------------------------------


def test_a_class_is_renamed_and_that_is_undone(visit: Visit, birds: int):
    """A bad name is refused and the box shows the old one; Undo takes a good one back."""
    app = visit(copy_of(birds))
    key = f"dataset.classes.name.{class_ids(dataset_id(app))['crow']}"
    for bad in ("", "x" * 300, "TIT"):
        app.text_input(key=key).set_value(bad).run()
        assert errors(app)
        assert app.text_input(key=key).value == "crow"
    app.text_input(key=key).set_value("raven").run()
    assert errors(app) == ""
    assert counts(dataset_id(app)) == {"raven": 6, "tit": 5}
    assert "Renamed “crow” to “raven”" in texts(app)
    button(app, "Undo").click().run()
    assert "Undone" in toasts(app)
    assert counts(dataset_id(app)) == {"crow": 6, "tit": 5}


def test_classes_are_merged_and_that_is_undone(visit: Visit, birds: int):
    """Merging into itself is nothing; merging empties the form and the class; Undo brings both back."""
    app = visit(copy_of(birds))
    ids = class_ids(dataset_id(app))
    app.multiselect(key="dataset.classes.merged").set_value([ids["tit"]])
    app.selectbox(key="dataset.classes.into").set_value(ids["tit"])
    button(app, "Merge").click().run()
    assert "nothing to merge" in errors(app)
    app.multiselect(key="dataset.classes.merged").set_value([ids["tit"]])
    app.selectbox(key="dataset.classes.into").set_value(ids["crow"])
    button(app, "Merge").click().run()
    assert errors(app) == ""
    assert counts(dataset_id(app)) == {"crow": 11}
    assert errors(app.run()) == ""
    button(app, "Undo").click().run()
    assert counts(dataset_id(app)) == {"crow": 6, "tit": 5}
    assert errors(app.run()) == ""


def test_a_class_is_deleted_and_that_is_undone(visit: Visit, birds: int):
    """The chosen class is another one then; deleting every class leaves an empty page; Undo brings them back."""
    app = visit(copy_of(birds))
    ids = class_ids(dataset_id(app))
    app.button(key=f"dataset.classes.delete.{ids['crow']}").click().run()
    assert counts(dataset_id(app)) == {"tit": 5}
    assert app.session_state["dataset.collect.target"] == ids["tit"]
    app.button(key=f"dataset.classes.delete.{ids['tit']}").click().run()
    assert "Name your first class" in texts(app)
    button(app, "Undo").click().run()
    button(app, "Undo").click().run()
    assert errors(app) == ""
    assert counts(dataset_id(app)) == {"crow": 6, "tit": 5}


def test_an_earlier_change_can_be_undone_alone(visit: Visit, birds: int):
    """The change after it stays."""
    app = visit(copy_of(birds))
    ids = class_ids(dataset_id(app))
    app.text_input(key=f"dataset.classes.name.{ids['crow']}").set_value("raven").run()
    app.text_input(key=f"dataset.classes.name.{ids['tit']}").set_value("blue tit").run()
    next(each for each in app.button if "raven" in each.label).click().run()
    assert counts(dataset_id(app)) == {"crow": 6, "blue tit": 5}


# --- Photos ----------------------------------------------------------------------------------------------


def test_photos_are_filtered_by_class_and_split(visit: Visit, birds: int):
    """The filters count; where nothing fits the page says so; the choice stays when photos come in."""
    app = visit(copy_of(birds), "Photos")
    ids = class_ids(dataset_id(app))
    assert group(app, "dataset.browse.class").options == ["All · 11", "crow · 6", "tit · 5", "Trash"]
    group(app, "dataset.browse.class").set_value(ids["tit"]).run()
    assert "No photo fits" not in texts(app)
    bring(dataset_id(app), {"tit/new.jpg": TILES[-1]})
    app.run()
    assert app.session_state["dataset.browse.class"] == ids["tit"]
    app.selectbox(key="dataset.browse.split").set_value("validation").run()
    assert "No photo fits" in texts(app)
    first = get_services().library.images.of(dataset_id(app), class_id=ids["tit"])[0]
    get_services().library.images.set_split([first.id], Split.VALIDATION)
    assert "No photo fits" not in texts(app.run())
    app.selectbox(key="dataset.browse.split").set_value("not split yet").run()
    assert "No photo fits" not in texts(app)
    assert not app.exception


def test_marked_photos_can_be_seen(visit: Visit, birds: int):
    """There is a choice for each mark that any photo has; without the last such photo all are shown again."""
    app = visit(copy_of(birds), "Photos")
    library, ids = get_services().library, list(splits(dataset_id(app)))
    library.images.set_review(ids[:2], Review.UNSURE)
    options = group(app.run(), "dataset.browse.class").options
    assert options == ["All · 11", "crow · 6", "tit · 5", "Marked as unsure · 2", "Trash"]
    group(app, "dataset.browse.class").set_value(-2).run()
    assert "No photo fits" not in texts(app)
    library.images.set_review(ids[:2], None)
    assert app.run().session_state["dataset.browse.class"] == 0
    assert not app.exception


def test_many_photos_come_in_pages(visit: Visit):
    """The second page exists for all photos, and none for a class; turning back to all is the first page again."""
    files = {f"{'crow' if number < 65 else 'tit'}/{number}.jpg": tinted(number) for number in range(130)}
    app = visit(bring(new_dataset("Many"), files), "Photos")
    assert app.number_input(key="dataset.browse.page").label == "Page, 1 to 2"
    app.number_input(key="dataset.browse.page").set_value(2).run()
    assert app.number_input(key="dataset.browse.page").value == 2
    group(app, "dataset.browse.class").set_value(class_ids(dataset_id(app))["crow"]).run()
    assert not app.number_input
    group(app, "dataset.browse.class").set_value(0).run()
    assert not app.exception
    assert app.number_input(key="dataset.browse.page").label == "Page, 1 to 2"


def test_the_trash_is_shown_and_emptied(visit: Visit, birds: int):
    """Deleted photos leave the counts, are in the trash, and are gone for good when it is emptied."""
    app = visit(copy_of(birds), "Photos")
    library = get_services().library
    library.images.trash(list(splits(dataset_id(app)))[:2])
    group(app.run(), "dataset.browse.class").set_value(-1).run()
    assert group(app, "dataset.browse.class").options[0] == "All · 9"
    assert button(app, "Bring back").disabled
    button(app, "Delete for good").click().run()
    assert errors(app) == ""
    assert "No photo fits" in texts(app)
    assert library.images.in_trash(dataset_id(app)) == []


def test_a_dataset_whose_photos_are_all_in_the_trash_shows_the_trash(visit: Visit, birds: int):
    """They can still be looked at and brought back by Undo."""
    app = visit(copy_of(birds), "Photos")
    get_services().library.images.trash(list(splits(dataset_id(app))))
    assert "No photo fits" in texts(app.run())
    group(app, "dataset.browse.class").set_value(-1).run()
    assert "No photo fits" not in texts(app)
    button(app, "Undo").click().run()
    assert counts(dataset_id(app)) == {"crow": 6, "tit": 5}


# --- Check -----------------------------------------------------------------------------------------------


def finding(app: AppTest, words: str):
    return next(each for each in app.expander if words in each.label)


def has_finding(app: AppTest, words: str) -> bool:
    return any(words in each.label for each in app.expander)


def with_copies(*names: str) -> int:
    """A dataset in which photos with these names are there twice, beside others."""
    files = sorted_photos(crow=6, tit=6)
    copies = {f"crow/copy of {name}.jpg": files[f"crow/{name}.jpg"] for name in names}
    return bring(new_dataset("Copies"), files | copies)


def test_an_exact_copy_is_found_and_one_click_removes_it(visit: Visit):
    """The section counts it; the remedy keeps one; Undo brings the copy back, and it is found again."""
    app = settle_check(visit(with_copies("1"), "Check"))
    assert any(option.startswith("Check (") for option in group(app, "dataset.section").options)
    assert has_finding(app, "Exact copies: 2 photos in 1 group".replace(":", "\\:"))
    finding(app, "Exact copies").button[0].click().run()
    assert errors(app) == ""
    assert counts(dataset_id(app)) == {"crow": 6, "tit": 6}
    assert app.session_state["dataset.section"] == "Check"
    assert not has_finding(settle_check(app), "Exact copies")
    button(app, "Undo").click().run()
    assert counts(dataset_id(app)) == {"crow": 7, "tit": 6}
    assert has_finding(settle_check(app), "Exact copies")


def test_a_new_photo_check_speaks_on_the_page_by_its_row(visit: Visit, birds: int, monkeypatch: pytest.MonkeyPatch):
    """Title, reason, remedy and what somebody says who wants to see no more of it; and what was looked for."""
    words = Words(title="Very red", why="Everything in them is red.", dismissal="I like red", looked_for="red")
    row = PhotoCheck(kind="red", measure=measured("redness"), from_limit=0.75, words=words)
    monkeypatch.setattr("core.datasets.checks.photo_checks.PHOTO_CHECKS", (*PHOTO_CHECKS, row))
    library, open_id = get_services().library, copy_of(birds)
    (image, *_) = library.images.of(open_id)
    loss = Loss(class_name="crow", num_images=6, image_ids=(image.id,))
    found = Finding(
        key="red:1",
        kind="red",
        title="Very red: 1 photo",
        why=words.why,
        remedy=removal(RemedyKind.TRASH_IMAGES, "", [loss]),
        image_ids=(image.id,),
        member_keys=("red:2",),
    )
    library.checks.save(open_id, library.datasets.get(open_id).revision, [found.to_json()])
    app = visit(open_id, "Check")
    assert has_finding(app, "Very red")
    assert button(app, "Put 1 of 6 photos of “crow” into the trash")
    button(app, "I like red").click().run()
    assert errors(app) == ""
    assert not has_finding(app, "Very red")
    assert "dark, bright, one-coloured, tiny, narrow and red photos" in texts(app)


def test_photos_that_an_older_version_measured_do_not_break_the_page(visit: Visit, birds: int):
    """The page opens while nothing is known of them, and the check measures them again."""
    library, open_id = get_services().library, copy_of(birds)
    hashes = {image.photo_hash for image in library.images.of(open_id)}
    before = library.photos.get(hashes)
    library.photos.save_measurements({photo_hash: {} for photo_hash in hashes})
    for section in SECTIONS:
        assert errors(visit(open_id, section)) == ""
    app = settle_check(visit(open_id, "Check"))
    assert errors(app) == ""
    assert {photo.hash: photo.measurements for photo in library.photos.get(hashes).values()} == {
        photo.hash: photo.measurements for photo in before.values()
    }


def test_what_is_fine_is_not_shown_again(visit: Visit):
    """A dismissal outlives reruns, other visitors and new checks, until the person wants it back."""
    app = settle_check(visit(with_copies("1"), "Check"))
    button(app, "It is fine").click().run()
    assert errors(app) == ""
    assert not has_finding(app.run(), "Exact copies")
    bring(dataset_id(app), {"tit/new.jpg": TILES[-1]})
    assert not has_finding(settle_check(app.run()), "Exact copies")
    assert not has_finding(visit(dataset_id(app), "Check"), "Exact copies")
    button(app, "Show dismissed findings again").click().run()
    assert has_finding(app, "Exact copies")


def test_one_of_several_groups_is_dismissed_alone(visit: Visit):
    """The others stay, and the remedy leaves the dismissed copies alone."""
    app = settle_check(visit(with_copies("1", "2"), "Check"))
    assert has_finding(app, "4 photos in 2 groups")
    button(app, "These are fine").click().run()
    assert errors(app) == ""
    assert has_finding(app, "2 photos in 1 group")
    finding(app, "Exact copies").button[0].click().run()
    assert counts(dataset_id(app)) == {"crow": 7, "tit": 6}


def test_a_photo_in_two_classes_is_found(visit: Visit):
    """The person says where it belongs; no click takes it out of both classes."""
    app = visit(bring(new_dataset("Torn"), sorted_photos(crow=3, tit=3) | {"tit/same.jpg": TILES[0]}), "Check")
    settle_check(app)
    labels = [each.label for each in finding(app, "In two classes").button]
    assert not any("trash" in label for label in labels if not label.startswith("Keep in"))
    next(each for each in finding(app, "In two classes").button if each.label.startswith("Keep in “tit”")).click().run()
    assert counts(dataset_id(app)) == {"crow": 2, "tit": 4}


def test_photos_on_both_sides_of_the_split_are_brought_together(visit: Visit):
    """After the remedy both copies are in one split."""
    files = sorted_photos(train_crow=4, val_crow=2) | {"val/crow/same.jpg": TILES[0]}
    app = settle_check(visit(bring(new_dataset("Leak"), files), "Check"))
    assert "near-twin in train" in texts(go_to(app, "Split"))
    finding(go_to(app, "Check"), "on both sides of the split").button[0].click().run()
    assert not has_finding(settle_check(app), "on both sides of the split")
    assert "near-twin in train" not in texts(go_to(app, "Split"))


def test_a_missing_split_is_remedied_by_splitting(visit: Visit, birds: int):
    """The finding that no photo is for validation goes away with its remedy."""
    app = settle_check(visit(copy_of(birds), "Check"))
    app.session_state["dataset.problems.open.no_validation"] = True
    app.run()
    button(app, "Split the dataset").click().run()
    assert errors(app) == ""
    assert Split.VALIDATION in splits(dataset_id(app)).values()
    assert not has_finding(settle_check(app), "No validation photo")


# --- Split -----------------------------------------------------------------------------------------------


def test_one_click_splits_the_photos(visit: Visit, birds: int):
    """Every photo gets a split; the preview says what was asked for; Undo takes it back."""
    app = visit(copy_of(birds), "Split")
    assert list(app.dataframe[0].value["class"]) == ["crow", "tit", "asked for"]
    assert set(splits(dataset_id(app)).values()) == {None}
    button(app, "Split the photos").click().run()
    assert errors(app) == ""
    assert None not in splits(dataset_id(app)).values()
    assert {Split.TRAIN, Split.VALIDATION} <= set(splits(dataset_id(app)).values())
    button(app, "Undo").click().run()
    assert set(splits(dataset_id(app)).values()) == {None}


def test_the_same_number_gives_the_same_split(visit: Visit, birds: int):
    """Seed 0 comes back as it was after seed 7 gave another split."""
    app = visit(copy_of(birds), "Split")
    results = []
    for seed in (0, 7, 0):
        app.number_input(key="dataset.split.seed").set_value(seed).run()
        button(app, "Split the photos").click().run()
        results.append(splits(dataset_id(app)))
    assert results[0] == results[2]
    assert results[0] != results[1]


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ((0, 0), {Split.TRAIN}),
        ((0, 50), {Split.TRAIN, Split.TEST}),
        ((50, 0), {Split.TRAIN, Split.VALIDATION}),
        ((35, 30), {Split.TRAIN, Split.VALIDATION, Split.TEST}),
    ],
)
def test_the_sliders_at_their_ends(visit: Visit, birds: int, shares: tuple[int, int], expected: set[Split]):
    """No part is filled that was not asked for, and train is never empty."""
    app = set_shares(visit(copy_of(birds), "Split"), *shares)
    assert errors(app) == ""
    button(app, "Split the photos").click().run()
    found = set(splits(dataset_id(app)).values())
    assert found <= expected
    assert Split.TRAIN in found


def test_a_split_without_train_is_not_offered(visit: Visit, birds: int):
    """The page says why, in place of the button."""
    app = set_shares(visit(birds, "Split"), 50, 50)
    assert not app.exception
    assert "Without train photos" in texts(app)
    assert "Split the photos" not in labels(app)


def test_splits_set_by_hand_stay_unless_the_person_lets_them_go(visit: Visit, birds: int):
    """With the toggle on they keep their place, and the page says so; off, they are split like the others."""
    app = visit(copy_of(birds), "Split")
    by_hand = list(splits(dataset_id(app)))
    get_services().library.images.set_split(by_hand, Split.TEST)
    assert button(app.run(), "Split the photos").disabled
    assert "Every photo has its split already" in texts(app)
    app.toggle(key="dataset.split.by_hand").set_value(False).run()
    button(app, "Split the photos").click().run()
    assert Split.TRAIN in splits(dataset_id(app)).values()


# --- Vary ------------------------------------------------------------------------------------------------


def test_sixteen_variations_are_shown(visit: Visit, birds: int):
    """Without any change all are the photo as it is; with changes they differ."""
    app = visit(birds, "Vary")
    assert len(app.get("image")) == 16
    assert len({image.value[0] for image in app.get("image")}) > 8
    app.toggle(key="dataset.vary.flip").set_value(False)
    for slider in app.slider:
        slider.set_value(0.0)
    app.run()
    assert errors(app) == ""
    assert len({image.value[0] for image in app.get("image")}) == 1
    for slider in app.slider:
        slider.set_value(slider.max)
    assert errors(app.run()) == ""
    assert len({image.value[0] for image in app.get("image")}) > 8


def test_photos_of_the_same_name_can_be_told_apart(visit: Visit, birds: int):
    """Each entry of the box shows its own photo, though crow and tit both have a 1.jpg."""
    app = visit(birds, "Vary")
    photos = set()
    for number in range(len(app.selectbox(key="dataset.vary.photo").options)):
        app.selectbox(key="dataset.vary.photo").select_index(number).run()
        photos.add(app.get("image")[0].value[0])
    assert len(photos) == 11


def test_a_chosen_photo_may_go_away(visit: Visit, birds: int):
    """Another one is shown when its class is deleted, or another dataset is opened."""
    app = visit(copy_of(birds), "Vary")
    app.selectbox(key="dataset.vary.photo").select_index(10).run()
    get_services().library.classes.delete(class_ids(dataset_id(app))["tit"])
    assert errors(app.run()) == ""
    assert len(app.get("image")) == 16
    chooser = app.selectbox(key="dataset.chooser")
    chooser.select_index(chooser.options.index("Birds · 11 photos")).run()
    assert errors(app) == ""
    assert len(app.get("image")) == 16


def test_a_photo_that_is_missing_on_the_disk_is_an_error_message(visit: Visit):
    """The page does not break when a file of the store has gone; the other sections still work."""
    app = visit(bring(new_dataset("Lost"), {"crow/lost.jpg": jpeg(Image.new("RGB", (200, 150), "teal"))}))
    (image,) = get_services().library.images.of(dataset_id(app))
    for path in get_services().settings.photos_path.rglob(f"{image.photo_hash}*"):
        path.unlink()
    assert errors(go_to(app, "Vary"))
    assert errors(go_to(app, "Photos")) == ""


# --- Map -------------------------------------------------------------------------------------------------


def test_a_map_is_drawn(visit: Visit, birds: int):
    """One click, then a point for each photo; it outlives deletions, and can be drawn anew for photos that come in."""
    app = visit(copy_of(birds), "Map")
    button(app, "Draw the map").click().run()
    assert errors(app) == ""
    wait_for_task(MAP_KIND, dataset_id(app))
    assert errors(app.run()) == ""
    assert "Draw the map" not in labels(app)
    library = get_services().library
    library.images.trash([library.images.of(dataset_id(app))[0].id])
    assert "Draw the map" not in labels(app.run())
    bring(dataset_id(app), {"tit/new.jpg": TILES[-1]})
    assert "Draw the map" in labels(app.run())
    assert "since this map was drawn" in texts(app)


def test_a_map_needs_three_photos(visit: Visit):
    """Two are too few, and the page says so."""
    app = visit(bring(new_dataset("Two photos"), {"crow/1.jpg": TILES[0], "tit/2.jpg": TILES[1]}), "Map")
    assert "at least 3 photos" in texts(app)
    assert "Draw the map" not in labels(app)


# --- export ----------------------------------------------------------------------------------------------


def test_an_export_is_made_and_offered(visit: Visit, birds: int):
    """The button becomes a download; after a change it has to be made again; without photos it is off."""
    app = visit(copy_of(birds))
    button(app, "Export as zip").click().run()
    assert errors(app) == ""
    wait_for_task(EXPORT_KIND, dataset_id(app))
    assert errors(app.run()) == ""
    (download,) = (each.proto for each in app.get("link_button"))
    assert download.label == "Download zip"
    with zipfile.ZipFile(io.BytesIO(fetch(f"/{download.url}", FILE_ROUTES).content)) as archive:
        assert any(name.endswith("manifest.csv") for name in archive.namelist())
    assert "Export as zip" not in labels(app)
    get_services().library.classes.create(dataset_id(app), "owl")
    assert "Export as zip" in labels(app.run())
    assert button(visit(new_dataset()), "Export as zip").disabled


# --- several visitors ------------------------------------------------------------------------------------


def test_visitors_see_each_others_changes(visit: Visit, birds: int):
    """What one adds, renames or deletes, the other sees at the next look."""
    shared = copy_of(birds)
    one, other = visit(shared), visit(shared, "Photos")
    one.text_input(key=f"dataset.classes.name.{class_ids(shared)['crow']}").set_value("raven").run()
    one.text_input(key="dataset.collect.new_class").set_value("owl")
    button(one, "Add class").click().run()
    shown = group(other.run(), "dataset.browse.class").options
    assert shown == ["All · 11", "raven · 6", "tit · 5", "owl · 0", "Trash"]
    other.text_input(key=f"dataset.menu.name.{shared}").set_value("Shared birds").run()
    assert one.run().title[0].value == "Shared birds"
    button(other, "Delete").click().run()
    assert one.run().title[0].value == "Teach it your own photos"
    assert not one.exception


def test_photos_that_come_in_while_the_page_is_made_are_noticed(visit: Visit, monkeypatch: pytest.MonkeyPatch):
    """The sidebar, made first, does not keep a number that the rest of the page no longer shows."""
    app = visit(new_dataset("In the middle", "cat"))
    services = get_services()
    living = services.phone_links.living

    def import_and_list(dataset_id: int) -> list[PhoneLinkView]:
        monkeypatch.setattr(PhoneLinks, "living", lambda _, of: living(of))  # once
        bring(dataset_id, sorted_photos(cat=1))
        return living(dataset_id)

    monkeypatch.setattr(PhoneLinks, "living", lambda _, of: import_and_list(of))
    app.run()
    assert "**0 photos** in 1 class" in [element.value for element in app.sidebar.markdown]
    assert told(app)["state"] != state_now(app)
    settle_check(app.run())
    assert "**1 photo** in 1 class" in [element.value for element in app.sidebar.markdown]
    assert told(app)["state"] == state_now(app)


def test_photos_that_come_in_move_nothing(visit: Visit):
    """Menus beside the page stay open, and the section stays as it is, while an import comes, goes and is told of."""
    app = visit(new_dataset("Steady", "cat"), "Photos")
    sidebar = list(app.sidebar.children)
    bring(dataset_id(app), sorted_photos(cat=1))
    app.run()
    assert "**1 photo** in 1 class" in texts(app)
    assert list(app.sidebar.children) == sidebar
    main = list(app.main.children)
    bring(dataset_id(app), {"cat/notes.jpg": b"no photo"})
    app.run()
    assert "0 photos added, 1 refused" in texts(app)
    assert list(app.main.children) == main


def test_acting_on_what_another_has_deleted_is_a_message(visit: Visit, birds: int):
    """A click that comes too late says what is gone, and the page goes on."""
    shared = copy_of(birds)
    app, library = visit(shared), get_services().library
    crow = class_ids(shared)["crow"]
    library.classes.delete(crow)
    app.text_input(key=f"dataset.classes.name.{crow}").set_value("raven").run()
    assert errors(app)
    library.datasets.delete(shared)
    app.text_input(key="dataset.collect.new_class").set_value("owl")
    button(app, "Add class").click().run()
    assert errors(app)
    assert app.title[0].value == "Teach it your own photos"


def test_uploading_into_a_class_that_another_has_deleted_loses_nothing(visit: Visit):
    """The class is made again for the photos that were on their way."""
    app = visit(new_dataset("Late", "crow"))
    get_services().library.classes.delete(class_ids(dataset_id(app))["crow"])
    uploader(app, "dataset.collect.files").set_value([("1.jpg", TILES[0], "image/jpeg")]).run()
    settle(app)
    assert counts(dataset_id(app)) == {"crow": 1}


# --- nothing to show -------------------------------------------------------------------------------------


@pytest.mark.parametrize("section", SECTIONS)
@pytest.mark.parametrize("classes", [(), ("crow", "tit")], ids=["no class", "two classes"])
def test_sections_without_photos_say_what_to_do(visit: Visit, section: str, classes: tuple[str, ...]):
    """No section breaks or is blank while there is no photo."""
    app = visit(new_dataset("Nothing", *classes), section)
    assert errors(app) == ""
    assert not app.get("image")
    if section != "Collect":
        assert app.info


def test_an_archive_that_is_refused_leaves_no_dataset(visit: Visit):
    """The reason stays until it is put away; the dataset made for it is in no list, and gone with the reason."""
    before = {dataset.id for dataset in get_services().library.datasets.all()}
    app = visit()
    model = zip_of({"keras_model.h5": b"\x89HDF", "labels.txt": b"0 cat"})
    uploader(app, "dataset.start.archive").set_value([("converted_keras.zip", model, "application/zip")]).run()
    assert "This is a trained model (keras_model.h5), not photos" in errors(settle(app))
    assert {dataset.id for dataset in get_services().library.datasets.all()} == before
    button(app, "Hide").click().run()
    assert app.title[0].value == "Teach it your own photos"
    assert "converted_keras" not in texts(app)


def test_archives_chosen_together_are_one_dataset(visit: Visit):
    """Samples of Teachable Machine are a class each, with their names whole."""
    app = visit()
    archives = [
        (f"{name}-samples.zip", zip_of({"0.jpg": TILES[number]}), "application/zip")
        for number, name in enumerate(("St. Bernard", "Class 3"))
    ]
    uploader(app, "dataset.start.archive").set_value(archives).run()
    assert counts(dataset_id(settle(app))) == {"Class 3": 1, "St. Bernard": 1}


def test_the_plan_of_an_import_is_shown_before_it_is_done(visit: Visit):
    """Each way to understand the files has its counts, an example, and what is left out; the person chooses."""
    app = visit(new_dataset("Names"))
    files = {f"train/{name}.{n}.jpg": TILES[n] for name in ("cat", "dog") for n in range(3)} | {"test1/1.jpg": TILES[5]}
    uploader(app, "dataset.collect.archive").set_value([("pets.zip", zip_of(files), "application/zip")]).run()
    told = texts(settle(app))
    reading = next(radio for radio in app.radio if radio.label == "What are the classes?")
    assert reading.options == ["The names of the files (suggested)", "All in one class"]
    assert "For example: train/cat.0.jpg → **cat**." in told
    assert "**1 photo left out**" in told
    assert counts(dataset_id(app)) == {}
    reading.set_value(reading.options[1]).run()
    button(app, "Import 7 photos").click().run()
    assert counts(dataset_id(settle(app))) == {"pets": 7}


def test_names_that_only_look_different_never_merge_in_silence(visit: Visit):
    """Two letters stay two classes; whoever gives both one name by capitals is told."""
    app = visit(bring(new_dataset("Letters"), sorted_photos(A=2, a=1)))
    assert "differ by capitals or spaces alone" in group(app, "dataset.arrivals.kind").label
    box = next(box for box in app.text_input if box.label.startswith("a ("))
    assert box.value == "a (small)"
    box.set_value("a")
    button(app, "Import 3 photos").click().run()
    assert "would be one class" in errors(app)
    next(box for box in app.text_input if box.label.startswith("a (")).set_value("lower a")
    button(app, "Import 3 photos").click().run()
    assert counts(dataset_id(settle(app))) == {"A": 2, "lower a": 1}


def test_how_the_photos_came_is_kept(visit: Visit):
    """A report that was put away is in the list, with what was refused grouped by reason."""
    bad = {f"crow/{n}.pcx_": b"\0nothing" * 9 for n in range(5)}
    app = visit(bring(new_dataset("History"), {"crow/1.jpg": TILES[0], "tit/2.jpg": TILES[1]} | bad))
    assert "**5 files** such as **" in texts(app)
    button(app, "Hide").click().run()
    assert "5 files" not in texts(app)
    history = next(each for each in app.expander if each.label.startswith("How these photos came"))
    assert history.label == "How these photos came (1)"
    app.session_state[f"dataset.arrivals.history.{dataset_id(app)}"] = True
    assert "**5 files** such as **" in texts(app.run())
