"""What people type after `bluetit`."""

import tomllib
from importlib import import_module

import pytest

from pages.command.main import SCRIPT_PATH, run
from tests.conftest import PROJECT_DIR


def test_the_console_script_is_there():
    """What `pip install -e .` makes of pyproject.toml leads to a function, and that to the app."""
    project = tomllib.loads((PROJECT_DIR / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    module, _, name = project["scripts"]["bluetit"].partition(":")
    assert callable(getattr(import_module(module), name))
    assert SCRIPT_PATH == PROJECT_DIR / "streamlit_app.py"


@pytest.mark.parametrize("word", ["--help", "-h", "help"])
def test_help_names_both_ways(word: str, capsys: pytest.CaptureFixture[str]):
    """In plain words, without starting anything."""
    assert run([word]) == 0
    told = capsys.readouterr().out
    assert "bluetit class" in told
    assert "Ctrl-C" in told


def test_a_typing_error_starts_nothing(capsys: pytest.CaptureFixture[str]):
    """It says what may have been meant."""
    assert run(["clas"]) == 2
    assert "Did you mean bluetit class?" in capsys.readouterr().err
    assert run(["photos"]) == 2
    assert "bluetit --help" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--port", "70000"], "from 1 to 65535"),
        (["--port", "eighty"], "whole number"),
        (["--max-upload-mb", "0"], "whole number"),
        (["now"], "unrecognized"),
    ],
)
def test_what_cannot_be_meant_is_refused(words: list[str], sentence: str, capsys: pytest.CaptureFixture[str]):
    """Before anything is started."""
    with pytest.raises(SystemExit, match="2"):
        run(["class", *words])
    assert sentence in capsys.readouterr().err
