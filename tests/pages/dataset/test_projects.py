"""A project is taken home and opened, on the dataset page."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from core.environment import to_environment
from core.errors import BluetitError
from core.jobs.context import TaskContext
from core.jobs.handlers import resolve_handler
from core.jobs.kinds import Lane
from core.jobs.status import TaskStatus
from core.projects.layout import SUMMARY
from core.settings import Settings
from core.task_kinds import TASK_KINDS
from pages.server.file_routes import FILE_ROUTES
from pages.server.services import close_services, get_services
from tests.conftest import PROJECT_DIR
from tests.core.projects.project_samples import bring_in, edited, make_source, rich_dataset, tampered, unfinished_run
from tests.pages.conftest import RUN_TIMEOUT_SECONDS
from tests.pages.server.route_visits import fetch

PAGE = "pages/dataset/page.py"


@pytest.fixture
def school(settings: Settings, tmp_path: Path, no_workers: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """An empty workspace whose server lets projects be read from a folder; the test does the work of the worker."""
    (tmp_path / "server").mkdir()
    variables = to_environment(settings) | {"BLUETIT_IMPORT_DIRS": str(tmp_path / "server")}
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    close_services()
    yield settings
    close_services()


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, new_database: Path) -> Path:
    """A project from elsewhere."""
    return make_source(tmp_path_factory.mktemp("school"), new_database).project


def visit(dataset_id: int | None = None) -> AppTest:
    app = AppTest.from_file(str(PROJECT_DIR / "streamlit_app.py"), default_timeout=RUN_TIMEOUT_SECONDS)
    if dataset_id is not None:
        app.query_params["dataset"] = str(dataset_id)
    return looked_at(app.switch_page(PAGE).run())


def looked_at(app: AppTest) -> AppTest:
    assert not app.exception, app.exception
    return app


def click(app: AppTest, label: str) -> AppTest:
    return looked_at(next(button for button in app.button if button.label == label).click().run())


def labels(app: AppTest) -> list[str]:
    return [button.label for button in app.button]


def texts(app: AppTest) -> str:
    kinds = (app.title, app.markdown, app.caption, app.error)
    return "\n".join(element.value for kind in kinds for element in kind).replace("\\", "")


def drop_file(app: AppTest, name: str, content: bytes) -> AppTest:
    box = next(each for each in app.file_uploader if each.key.startswith("dataset.start.project"))
    return looked_at(box.set_value([(name, content, "application/octet-stream")]).run())


def work() -> None:
    """Do the project that waits, as a worker does."""
    queue = get_services().queue
    queue.register_worker("w1", pid=1, host="elsewhere", lane=Lane.PHOTOS)
    task = queue.claim("w1", ["write_project", "read_project"])
    assert task is not None
    context, status, error = TaskContext(queue, get_services().settings, task), TaskStatus.DONE, None
    try:
        resolve_handler(TASK_KINDS[task.kind])(context)
    except BluetitError as exc:
        status, error = TaskStatus.FAILED, str(exc)
    context.flush()
    queue.finish(task.id, "w1", status=status, error=error)
    context.end(is_done=status is TaskStatus.DONE)


def packed(app: AppTest) -> bytes:
    """The file behind the link."""
    (link,) = (each.proto for each in app.get("link_button") if each.proto.label == "Download project")
    answer = fetch(f"/{link.url}", FILE_ROUTES)
    assert answer.status_code == 200
    assert "Birds.bluetit" in answer.headers["content-disposition"]
    return answer.content


def test_a_project_is_taken_home_and_opened(school: Settings):
    """Packed with the chosen runs, dropped into the box, shown before anything happens, brought in, opened."""
    services = get_services()
    dataset_id = rich_dataset(services.database, school)
    unfinished_run(services.database, school, dataset_id)
    app = visit(dataset_id)
    assert "Pack the project" not in labels(app)  # nothing is asked of the database before somebody opens it
    app.session_state[f"dataset.project.out.{dataset_id}"] = True
    app = click(looked_at(app.run()), "Pack the project")
    assert "Stop" in labels(app)
    work()
    content = packed(looked_at(app.run()))
    # Another choice is another file.
    app.multiselect(key=f"dataset.project.runs.{dataset_id}").set_value([]).run()
    assert "Pack the project" in labels(looked_at(app))
    home = drop_file(visit(), "Birds.bluetit", content)
    told = texts(home)
    assert "5 photos" in told
    assert "3 classes: crow 3, blue tit 2, empty 0" in told
    assert "2 of them marked as right or unsure" in told
    assert "1 run: Half (not finished)" in told
    assert len(services.library.datasets.all()) == 1
    home = click(home, "Bring it in")
    assert "Stop" in labels(home)
    work()
    home = looked_at(home.run())
    assert "Birds 2** is here, with 5 photos and 1 run" in texts(home)
    assert list(school.incoming_path.glob("*")) == []
    home = click(home, "Open it")
    assert home.title[0].value == "Birds 2"
    assert "This dataset came as a project" in texts(home)


def test_a_project_that_cannot_be_read_is_told_at_once(school: Settings, project: Path, tmp_path: Path):
    """A newer one, and something else; nothing of them is kept."""
    newer = tampered(project, tmp_path / "newer.bluetit", {SUMMARY: edited(format=99, made_by="9.9")})
    app = drop_file(visit(), "newer.bluetit", newer.read_bytes())
    assert "made by a newer Bluetit (9.9" in texts(app)
    app = drop_file(app, "other.bluetit", b"hello")
    assert "is no project of Bluetit" in texts(app)
    assert "Bring it in" not in labels(app)
    assert list(school.incoming_path.glob("*")) == []


def test_a_damaged_project_is_refused_when_it_comes_in(school: Settings, project: Path, tmp_path: Path):
    """What is missing is said; it can be tried again or put away."""
    bad = tampered(project, tmp_path / "bad.bluetit", {"dataset.json": None})
    app = click(drop_file(visit(), "bad.bluetit", bad.read_bytes()), "Bring it in")
    work()
    app = looked_at(app.run())
    assert "1 other file is missing (dataset.json)" in texts(app)
    assert "Try again" in labels(app)
    app = click(app, "Do not bring it in")
    assert "bad.bluetit" not in texts(app)
    assert get_services().library.datasets.all() == []
    assert list(school.incoming_path.glob("*")) == []


def test_a_project_of_the_server_is_opened(school: Settings, project: Path, tmp_path: Path):
    """One that is too large for a browser; it stays where it is."""
    place = shutil.copy(project, tmp_path / "server" / "Large.bluetit")
    app = visit()
    box = app.selectbox(key="dataset.project.server_file")
    assert box.options == [str(place)]
    box.set_value(str(place))
    app = click(click(app, "Look"), "Bring it in")
    work()
    assert "Birds** is here" in texts(looked_at(app.run()))
    assert Path(place).is_file()


def test_a_run_of_an_unknown_network_breaks_no_page(
    settings: Settings, project: Path, tmp_path: Path, no_workers: None, open_app: Callable[[Settings], AppTest]
):
    """It is listed, and each page opens."""
    other = tampered(
        project,
        tmp_path / "other.bluetit",
        {"runs/1/run.json": lambda content: content.replace(b'"EfficientNetLite0"', b'"QuantumNet"')},
    )
    bring_in(other, settings)
    app = open_app(settings)
    for page in ("dataset", "train", "results", "compare"):
        looked_at(app.switch_page(f"pages/{page}/page.py").run())
    looked_at(open_app(settings, run="1").switch_page("pages/train/page.py").run())
