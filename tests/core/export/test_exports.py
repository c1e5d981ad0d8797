"""Exports in a run's folder: who gets them, and who does not."""

import pytest

from core.actions.files import write_actions
from core.actions.records import Actions, ClassAction
from core.errors import RunFileError
from core.export.exports import (
    read_export,
    record_path,
    remove_export,
    what_has_changed,
    why_not_handed_out,
    zip_path,
)
from core.export.formats import find_format
from core.export.page_wishes import write_maker_line
from core.runs.decision import Decision, write_decision
from core.runs.folder import RunFolder
from core.settings import Settings
from tests.core.export.export_samples import TITLE, certificate, write_export
from tests.core.inference.model_samples import own_record

ROW = find_format("litert")


@pytest.fixture
def folder(settings: Settings) -> RunFolder:
    """Of a run with a model."""
    made = RunFolder(settings, 1)
    made.create()
    made.write_json(made.model_record_path, own_record().to_json())
    return made


def test_a_proven_export_is_handed_out(folder: RunFolder):
    """As it was made; before, and once it is taken away, there is none."""
    assert read_export(folder, ROW, TITLE) is None
    record = write_export(folder)
    assert read_export(folder, ROW, TITLE) == record
    assert why_not_handed_out(folder, ROW, TITLE) is None
    remove_export(folder, ROW)
    remove_export(folder, ROW)
    assert "is not there" in str(why_not_handed_out(folder, ROW, TITLE))


@pytest.mark.parametrize("content", [b"another", b"a ZIP", b""], ids=["longer", "same length", "cut off"])
def test_an_export_that_was_tampered_with_is_not_handed_out(folder: RunFolder, content: bytes):
    """Whatever was changed in it, and the same where it is gone."""
    write_export(folder)
    zip_path(folder, ROW).write_bytes(content)
    assert "was changed or cut off" in str(why_not_handed_out(folder, ROW, TITLE))
    zip_path(folder, ROW).unlink()
    assert "was changed or cut off" in str(why_not_handed_out(folder, ROW, TITLE))


def test_an_export_of_a_model_that_decides_otherwise_by_now_is_not_handed_out(folder: RunFolder):
    """Other limits make it outdated, the same ones valid again."""
    write_export(folder)
    write_decision(folder, Decision(min_probability=0.6))
    assert read_export(folder, ROW, TITLE) is None
    assert "is out of date: when it says “I don't know” changed" in str(why_not_handed_out(folder, ROW, TITLE))
    write_decision(folder, Decision())
    assert why_not_handed_out(folder, ROW, TITLE) is None


def test_a_page_is_made_again_when_other_things_are_wanted_on_it(folder: RunFolder):
    """What happens at its classes and the line of the maker lie in it; other formats have nothing of them."""
    web = find_format("web")
    write_export(folder)
    write_export(folder, certificate(format="web"))
    for change, words in (
        (
            lambda: write_actions(folder, Actions(by_class={"a": ClassAction(words="Hello")})),
            "what happens at its classes",
        ),
        (
            lambda: write_actions(folder, Actions(by_class={"a": ClassAction(words="Hi")})),
            "what happens at its classes",
        ),
        (lambda: write_maker_line(folder, "Class 5b"), "the line below the title"),
        (lambda: write_maker_line(folder, ""), "the line below the title"),
    ):
        change()
        assert read_export(folder, web, TITLE) is None
        assert what_has_changed(folder, web, TITLE) == (words,)
        assert f"is out of date: {words} changed" in str(why_not_handed_out(folder, web, TITLE))
        assert read_export(folder, ROW, TITLE) is not None
        write_export(folder, certificate(format="web"))
        assert read_export(folder, web, TITLE) is not None
        assert what_has_changed(folder, web, TITLE) == ()


def test_an_export_has_the_name_of_its_model(folder: RunFolder):
    """It stands in every format; under another one it is made again, under the old one valid again."""
    write_export(folder)
    assert what_has_changed(folder, ROW, "Crows") == ("the model's name",)
    assert why_not_handed_out(folder, ROW, "Crows") is not None
    assert why_not_handed_out(folder, ROW, TITLE) is None


def test_an_export_that_was_refused_stays_so(folder: RunFolder):
    """With the reason."""
    write_export(folder, certificate(top1_agreement=0.5))
    assert "names another class for 100 of 200 photos" in str(why_not_handed_out(folder, ROW, TITLE))


def test_a_damaged_record_is_told(folder: RunFolder):
    """In words, with what to do."""
    write_export(folder)
    record_path(folder, ROW).write_text("{}")
    with pytest.raises(RunFileError, match="make the export again"):
        read_export(folder, ROW, TITLE)
    assert "make the export again" in str(why_not_handed_out(folder, ROW, TITLE))
