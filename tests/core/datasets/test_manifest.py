"""The table inside an export."""

import csv
import io

import pytest

from core.datasets.manifest import COLUMNS, Manifest, ManifestRow, read_manifest, write_manifest
from core.datasets.records import Review, Split, SplitOrigin
from core.errors import DatasetError

STRANGE = (
    "=HYPERLINK(1)",
    "+1",
    "-1",
    "@SUM(A1)",
    " =1+1",
    "＝1",
    "'quoted'",
    "''",
    "'=1",
    " '=1",
    'a "b", c; d',
    "two\r\nlines",
    "\ttab",
    "שלום 🐦",
    "ends with space ",
)


def row(**values) -> ManifestRow:
    defaults = {
        "path": "train/cats/1.jpg",
        "class_name": "cats",
        "split": Split.TRAIN,
        "split_origin": SplitOrigin.PERSON,
        "name": "IMG_1.HEIC",
        "photo_hash": "ab" * 32,
        "capture": None,
        "source_url": None,
    }
    return ManifestRow(**{**defaults, **values})


@pytest.mark.parametrize("text", STRANGE)
def test_every_text_comes_back_as_it_was(text: str):
    """Names, classes and labels survive, whatever is in them."""
    written = row(class_name=text, name=text, capture=text, source_url=text)
    read = read_manifest(write_manifest([written], [text, "empty"]).decode())
    assert read == Manifest(class_names=(text, "empty"), rows={written.path: written})


@pytest.mark.parametrize("text", STRANGE)
def test_no_cell_is_a_formula(text: str):
    """A spreadsheet shows a name that begins like a formula instead of running it."""
    (_, cells) = csv.reader(io.StringIO(write_manifest([row(name=text)]).decode("utf-8-sig"), newline=""))
    assert not cells[COLUMNS.index("name")].lstrip().startswith(("=", "+", "-", "@", "＝"))


@pytest.mark.parametrize("split", [*Split, None])
def test_splits_come_back(split: Split | None):
    """Each split, and none, with who put the photo there."""
    written = row(split=split, split_origin=None if split is None else SplitOrigin.AUTOMATIC)
    assert read_manifest(write_manifest([written]).decode()).rows == {written.path: written}


@pytest.mark.parametrize("review", [*Review, None])
def test_marks_come_back(review: Review | None):
    """What a person has said of a photo's class; tables of earlier versions say nothing of it."""
    written = row(review=review)
    assert read_manifest(write_manifest([written]).decode()).rows == {written.path: written}


def test_classes_without_photos_keep_their_place():
    """Each class has a row of its own in front of the photos, in the order given."""
    text = write_manifest([row()], ["owls", "cats", "=1+1"]).decode("utf-8-sig")
    assert text.splitlines()[1:4] == [",owls,,,,,,,", ",cats,,,,,,,", ",'=1+1,,,,,,,"]
    assert read_manifest(text).class_names == ("owls", "cats", "=1+1")
    assert list(read_manifest(text).rows) == [row().path]


def test_what_a_spreadsheet_saved_is_read():
    """Semicolons, another order and further columns do no harm; only path and class are needed."""
    rows = read_manifest("class;remark;path\ncats;nice;a/1.jpg\n").rows
    expected = row(path="a/1.jpg", split=None, split_origin=None, name="1.jpg", photo_hash="")
    assert rows == {"a/1.jpg": expected}
    assert read_manifest("path,class,split\na\\1.jpg,cats,train\n").rows["a/1.jpg"].split_origin is SplitOrigin.IMPORTED


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column class and no column path"),
        ("path,split\nx,train\n", "no column class"),
        ("path,class\n../x.jpg,cats\n", "Line 2 .* leads out"),
        ("path,class,name\n,cats,x.jpg\n", "Line 2 .* no usable name"),
        ("path,class\nx.jpg,\n", "Line 2 .* no class"),
        ("path,class,split\nx.jpg,cats,training\n", "'training'; train, validation, test was expected"),
        ("path,class,split,split_origin\nx.jpg,cats,train,me\n", "origin 'me'"),
        ("path,class,review\nx.jpg,cats,maybe\n", "review 'maybe'; right, unsure was expected"),
        ("path,class\nx.jpg,cats\nx.jpg,dogs\n", "Line 3 .* again"),
        (f"path,class\nx.jpg,{'c' * 200_000}\n", "cannot be read"),
    ],
    ids=[
        "empty",
        "no class column",
        "way out",
        "no path",
        "no class",
        "split",
        "origin",
        "review",
        "twice",
        "endless cell",
    ],
)
def test_a_wrong_table_says_where_and_why(text: str, message: str):
    """The person finds the line that has to be mended."""
    with pytest.raises(DatasetError, match=message):
        read_manifest(text)
