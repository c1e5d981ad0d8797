"""Settings come from the environment and from a file, and reach a worker as they are."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from core.environment import find_unknown_variables, load_settings, to_environment
from core.errors import SettingsError
from core.settings import Settings


def test_defaults_need_no_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Without variables and file, the defaults hold, and folders are in the workspace."""
    monkeypatch.chdir(tmp_path)
    settings = load_settings({})
    assert settings == Settings()
    assert settings.weights_path.parent == settings.workspace_dir
    assert settings.num_inference_threads >= 1


@pytest.mark.parametrize(
    ("variable", "text", "name", "value"),
    [
        ("BLUETIT_PACKAGE_AFTER_TRAINING", "No", "package_after_training", False),
        ("BLUETIT_MAX_WORKERS", "3", "max_workers", 3),
        ("BLUETIT_LINK_TIMEOUT_SECONDS", "2.5", "link_timeout_seconds", 2.5),
        ("BLUETIT_DEFAULT_BACKBONE", "MobileNetV2", "default_backbone", "MobileNetV2"),
        ("BLUETIT_LINK_ALLOWED_PRIVATE_HOSTS", "a, b:80,", "link_allowed_private_hosts", ("a", "b:80")),
        ("BLUETIT_HUB_PUBLISHERS", "", "hub_publishers", ("tfhub.dev/google", "kaggle.com/models/google")),
        ("BLUETIT_HUB_PUBLISHERS", "[]", "hub_publishers", ()),
        ("BLUETIT_IMPORT_DIRS", ' ["/a, b", "/c"]', "import_dirs", (os.path.abspath("/a, b"), os.path.abspath("/c"))),
        ("BLUETIT_HUB_DIRS", "/a, relative", "hub_dirs", (os.path.abspath("/a"), os.path.abspath("relative"))),
        ("BLUETIT_IMPORT_DIRS", "~/a", "import_dirs", (os.path.expanduser(os.path.join("~", "a")),)),
        ("BLUETIT_WEIGHTS_DIR", "/somewhere", "weights_dir", Path("/somewhere").resolve()),
        ("BLUETIT_MAX_WORKERS", "", "max_workers", 1),
    ],
)
def test_the_environment_sets_each_type(variable: str, text: str, name: str, value: object):
    """Text becomes the type of the setting; an empty variable counts as none."""
    assert getattr(load_settings({variable: text}), name) == value


def test_the_file_sets_what_the_environment_does_not(tmp_path: Path):
    """The environment wins over the TOML file, the file over the default."""
    file = tmp_path / "settings.toml"
    file.write_text('max_workers = 2\ncancel_grace_seconds = 3\nlink_allowed_private_hosts = ["intranet"]\n')
    settings = load_settings({"BLUETIT_SETTINGS_FILE": str(file), "BLUETIT_MAX_WORKERS": "4"})
    assert (settings.max_workers, settings.cancel_grace_seconds) == (4, 3.0)
    assert settings.link_allowed_private_hosts == ("intranet",)


def test_the_file_of_the_working_directory_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`bluetit.toml` beside the app needs no variable."""
    (tmp_path / "bluetit.toml").write_text("max_workers = 2\n")
    monkeypatch.chdir(tmp_path)
    assert load_settings({}).max_workers == 2


@pytest.mark.parametrize(
    ("variable", "text", "expected"),
    [
        ("BLUETIT_MAX_WORKERS", "many", "type int was expected"),
        ("BLUETIT_MAX_WORKERS", "1.5", "type int was expected"),
        ("BLUETIT_MAX_WORKERS", "-1", "at least 0"),
        ("BLUETIT_LINK_TIMEOUT_SECONDS", "nan", "at least"),
        ("BLUETIT_LINK_TIMEOUT_SECONDS", "soon", "type float was expected"),
        ("BLUETIT_IMPORT_DIRS", '["/a"', "list of texts was expected"),
        ("BLUETIT_IMPORT_DIRS", "[1]", "list of texts was expected"),
        ("BLUETIT_IMPORT_DIRS", "~nobody-at-all/a", "no home folder"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused(variable: str, text: str, expected: str):
    """The error names the variable and says what was expected."""
    with pytest.raises(SettingsError, match=expected) as caught:
        load_settings({variable: text})
    assert variable in str(caught.value)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("speed = 9\n", "unknown settings speed"),
        ("max_workers = ", "cannot be read"),
        ("max_workers = true", "type int"),
        ('import_dirs = "~nobody-at-all"', "BLUETIT_IMPORT_DIRS"),
        ("import_dirs = 3", "list of texts"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused(tmp_path: Path, content: str, expected: str):
    """Unknown names, broken TOML and wrong types are errors, not silently ignored."""
    file = tmp_path / "settings.toml"
    file.write_text(content)
    with pytest.raises(SettingsError, match=expected):
        load_settings({"BLUETIT_SETTINGS_FILE": str(file)})


@pytest.mark.parametrize(
    ("variable", "meant"),
    [
        ("BLUETIT_MAX_WORKER", "was BLUETIT_MAX_WORKERS meant?"),
        ("BLUETIT_WORKSPACE", "was BLUETIT_WORKSPACE_DIR meant?"),
        ("BLUETIT_DATABASE_URI", "was BLUETIT_DATABASE_URL meant?"),
        ("bluetit_max_workers", "was BLUETIT_MAX_WORKERS meant?"),
        ("BLUETIT_COLOUR", "docs/settings.md lists all settings."),
    ],
)
def test_a_variable_that_is_no_setting_is_told(variable: str, meant: str):
    """The sentence has the name as it was written, and the nearest one that there is."""
    environ = {variable: "1", "BLUETIT_MAX_WORKERS": "1", "BLUETIT_SETTINGS_FILE": "", "PATH": "/bin"}
    assert find_unknown_variables(environ) == [
        f"The environment variable {variable} is no setting and changes nothing; {meant}"
    ]


def test_what_a_worker_is_given_are_settings(tmp_path: Path):
    """No setting is taken for a typing error."""
    assert find_unknown_variables(to_environment(Settings(workspace_dir=tmp_path))) == []


def test_a_file_that_is_named_must_exist(tmp_path: Path):
    """A typing error in the file's name does not silently give the defaults."""
    with pytest.raises(SettingsError, match="cannot be read"):
        load_settings({"BLUETIT_SETTINGS_FILE": str(tmp_path / "missing.toml")})


def test_settings_survive_the_way_to_a_worker(tmp_path: Path):
    """What is written into a worker's environment is read there as the same settings."""
    settings = replace(
        Settings(workspace_dir=tmp_path),
        link_allowed_private_hosts=("a", "b:80"),
        weights_dir=tmp_path / "weights",
        cancel_grace_seconds=2.5,
        import_dirs=(str(tmp_path / "birds, 2025"), str(tmp_path)),
        hub_publishers=(),
    )
    assert load_settings(to_environment(settings)) == settings


def test_relative_folders_are_the_same_in_a_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A worker works in another folder than the server; what was set relative to the server's stays there."""
    monkeypatch.chdir(tmp_path)
    environment = to_environment(Settings(workspace_dir=Path("w"), import_dirs=("in",), hub_dirs=("hub", "~/hub")))
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    settings = load_settings(environment)
    assert settings.import_dirs == (str(tmp_path / "in"),)
    assert settings.hub_dirs == (str(tmp_path / "hub"), os.path.expanduser(os.path.join("~", "hub")))
