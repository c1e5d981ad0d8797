"""Exports in a run's folder: who gets them, and who does not."""

import pytest

from core.actions.files import write_actions
from core.actions.records import Actions, ClassAction
from core.errors import RunFileError
from core.export.exports import read_export, record_path, remove_export, why_not_handed_out, zip_path
from core.export.formats import find_format
from core.runs.decision import Decision, write_decision
from core.runs.folder import RunFolder
from core.settings import Settings
from tests.core.export.export_samples import certificate, write_export
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
    assert read_export(folder, ROW) is None
    record = write_export(folder)
    assert read_export(folder, ROW) == record
    assert why_not_handed_out(folder, ROW) is None
    remove_export(folder, ROW)
    remove_export(folder, ROW)
    assert "is not there" in str(why_not_handed_out(folder, ROW))


@pytest.mark.parametrize("content", [b"another", b"a ZIP", b""], ids=["longer", "same length", "cut off"])
def test_an_export_that_was_tampered_with_is_not_handed_out(folder: RunFolder, content: bytes):
    """Whatever was changed in it, and the same where it is gone."""
    write_export(folder)
    zip_path(folder, ROW).write_bytes(content)
    assert "was changed or cut off" in str(why_not_handed_out(folder, ROW))
    zip_path(folder, ROW).unlink()
    assert "was changed or cut off" in str(why_not_handed_out(folder, ROW))


def test_an_export_of_a_model_that_decides_otherwise_by_now_is_not_handed_out(folder: RunFolder):
    """Other limits make it outdated, the same ones valid again."""
    write_export(folder)
    write_decision(folder, Decision(min_probability=0.6))
    assert read_export(folder, ROW) is None
    assert "answers otherwise by now" in str(why_not_handed_out(folder, ROW))
    write_decision(folder, Decision())
    assert why_not_handed_out(folder, ROW) is None


def test_a_page_is_made_again_when_other_things_happen_at_its_classes(folder: RunFolder):
    """They lie in it; other formats have nothing of them."""
    web = find_format("web")
    write_export(folder)
    write_export(folder, certificate(format="web"))
    write_actions(folder, Actions(by_class={"a": ClassAction(words="Hello")}))
    assert read_export(folder, web) is None
    assert read_export(folder, ROW) is not None
    write_export(folder, certificate(format="web"))
    assert read_export(folder, web) is not None
    write_actions(folder, Actions(by_class={"a": ClassAction(words="Good morning")}))
    assert read_export(folder, web) is None


def test_an_export_that_was_refused_stays_so(folder: RunFolder):
    """With the reason."""
    write_export(folder, certificate(top1_agreement=0.5))
    assert "names another class for 100 of 200 photos" in str(why_not_handed_out(folder, ROW))


def test_a_damaged_record_is_told(folder: RunFolder):
    """In words, with what to do."""
    write_export(folder)
    record_path(folder, ROW).write_text("{}")
    with pytest.raises(RunFileError, match="make the export again"):
        read_export(folder, ROW)
    assert "make the export again" in str(why_not_handed_out(folder, ROW))
