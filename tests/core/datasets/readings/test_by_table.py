"""Tables beside photos, in the formats and shapes that people have."""

import csv
import io
import json
import zipfile
from collections.abc import Collection, Mapping
from xml.sax.saxutils import escape

import pytest

from core.datasets.readings.listing import ListedFile
from core.datasets.readings.plan import ImportPlan, plan_import
from core.datasets.readings.tables import read_table
from core.datasets.records import Split

NAMES = ("beagle", "boxer", "collie")
LABELS = {f"{number:04}.jpg": NAMES[number % 3] for number in range(12)}


def plan_of(files: Mapping[str, bytes | str], name: str = "dogs.zip") -> ImportPlan:
    def read(wanted: Collection[str]) -> dict[str, bytes]:
        return {
            path: content.encode() if isinstance(content, str) else content
            for path, content in files.items()
            if path in wanted
        }

    return plan_import(list(files), name, read)


def classes(plan: ImportPlan) -> dict[str, str]:
    return {path.rpartition("/")[2]: placed.class_name for path, placed in plan.readings[0].placements.items()}


def photos(folder: str = "", names: Collection[str] = LABELS) -> dict[str, bytes]:
    return {f"{folder}{name}": b"" for name in names}


def lines(delimiter: str = ",", header: str = "file_name{}label", ending: str = ".jpg", folder: str = "") -> str:
    rows = [header.format(delimiter)] if header else []
    rows += [f"{folder}{name.removesuffix('.jpg')}{ending}{delimiter}{label}" for name, label in LABELS.items()]
    return "\n".join(rows) + "\n"


def sheet() -> bytes:
    """The smallest workbook that a spreadsheet opens."""
    rows = [("id", "breed"), *((name.removesuffix(".jpg"), label) for name, label in LABELS.items())]
    cells = "".join(
        f'<row r="{y}">'
        + "".join(f'<c r="{"AB"[x]}{y}" t="inlineStr"><is><t>{escape(cell)}</t></is></c>' for x, cell in enumerate(row))
        + "</row>"
        for y, row in enumerate(rows, start=1)
    )
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    relations = "http://schemas.openxmlformats.org/package/2006/relationships"
    office = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as book:
        book.writestr(
            "[Content_Types].xml",
            '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
            '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
            '<Override PartName="/xl/workbook.xml" '
            'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
            '<Override PartName="/xl/worksheets/sheet1.xml" '
            'ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>',
        )
        book.writestr(
            "_rels/.rels",
            f'<Relationships xmlns="{relations}"><Relationship Id="r1" Type="{office}/officeDocument" '
            'Target="xl/workbook.xml"/></Relationships>',
        )
        book.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{main}" xmlns:r="{office}"><sheets><sheet name="S" sheetId="1" r:id="r1"/></sheets>'
            "</workbook>",
        )
        book.writestr(
            "xl/_rels/workbook.xml.rels",
            f'<Relationships xmlns="{relations}"><Relationship Id="r1" Type="{office}/worksheet" '
            'Target="worksheets/sheet1.xml"/></Relationships>',
        )
        book.writestr(
            "xl/worksheets/sheet1.xml", f'<worksheet xmlns="{main}"><sheetData>{cells}</sheetData></worksheet>'
        )
    return target.getvalue()


def one_hot() -> str:
    target = io.StringIO()
    writer = csv.writer(target)
    writer.writerow(("filename", *NAMES))
    writer.writerows((name, *(int(label == each) for each in NAMES)) for name, label in LABELS.items())
    return target.getvalue()


COCO = json.dumps(
    {
        "images": [{"id": number, "file_name": name} for number, name in enumerate(LABELS)],
        "categories": [{"id": number, "name": name} for number, name in enumerate(NAMES)],
        "annotations": [
            {"image_id": number, "category_id": NAMES.index(label)} for number, label in enumerate(LABELS.values())
        ],
    }
)
LABEL_STUDIO = json.dumps(
    [
        {
            "data": {"image": f"/data/upload/3/1a2b3c4d-{name}"},
            "annotations": [{"result": [{"type": "choices", "value": {"choices": [label]}}]}],
        }
        for name, label in LABELS.items()
    ]
)
CVAT = (
    "<annotations>"
    + "".join(f'<image id="1" name="{name}"><tag label="{label}"/></image>' for name, label in LABELS.items())
    + "</annotations>"
)

TABLES: dict[str, tuple[str, bytes | str]] = {
    "commas": ("labels.csv", lines()),
    "semicolons": ("labels.csv", lines(";")),
    "tabs": ("labels.tsv", lines("\t")),
    "spaces": ("list.txt", lines(" ", header="")),
    "without a header": ("labels.csv", lines(header="")),
    "without endings": ("labels.csv", lines(ending="")),
    "with another ending": ("labels.csv", lines(ending=".png")),
    "with folders": ("labels.csv", lines(folder="data/train/")),
    "of Windows": ("labels.csv", lines(folder="C:\\photos\\train\\").encode("utf-16")),
    "with a mark in front": ("labels.csv", b"\xef\xbb\xbf" + lines().encode()),
    "a spreadsheet": ("labels.xlsx", sheet()),
    "one column a class": ("_classes.csv", one_hot()),
    "JSON lines": (
        "metadata.jsonl",
        "\n".join(json.dumps({"file_name": name, "label": label}) for name, label in LABELS.items()),
    ),
    "a JSON dictionary": ("labels.json", json.dumps(LABELS)),
    "a JSON list": ("labels.json", json.dumps([{"image": n, "breed": label} for n, label in LABELS.items()])),
    "COCO": ("_annotations.coco.json", COCO),
    "Label Studio": ("project-1.json", LABEL_STUDIO),
    "CVAT": ("annotations.xml", CVAT),
}


@pytest.mark.parametrize(("table", "content"), TABLES.values(), ids=TABLES)
def test_the_table_names_the_classes(table: str, content: bytes | str):
    """Whatever its format, it is proposed, and the person is asked, for it might be meant for something else."""
    plan = plan_of({table: content, **photos("images/")})
    assert classes(plan) == LABELS
    assert plan.question is not None
    assert table in plan.question.options[0].title


def test_a_table_of_some_photos_leaves_the_others_out():
    """What it does not list is told, and in no class."""
    plan = plan_of({"labels.csv": lines(), **photos("train/"), **photos("test/", ("a.jpg", "b.jpg"))})
    assert classes(plan) == LABELS
    assert set(plan.readings[0].left_out) == {"test/a.jpg", "test/b.jpg"}
    assert "labels.csv" in plan.readings[0].left_out["test/a.jpg"]
    assert {placed.split for placed in plan.readings[0].placements.values()} == {Split.TRAIN}


def test_a_column_may_tell_the_split():
    """Words for splits in a column, of any spelling, set it."""
    rows = [f"{name},{label},{'Train' if n % 2 else 'test'}" for n, (name, label) in enumerate(LABELS.items())]
    plan = plan_of({"a.csv": "\n".join(["file,label,subset", *rows]), **photos()})
    placed = plan.readings[0].placements
    assert [placed[name].split for name in LABELS] == [Split.TEST, Split.TRAIN] * 6


def test_tables_of_one_form_count_as_one():
    """`train.csv` and `test.csv` list the photos of their splits."""
    names = list(LABELS)
    parts = {"train.csv": names[:9], "test.csv": names[9:]}
    files = {
        table: "file,label\n" + "\n".join(f"{name},{LABELS[name]}" for name in listed)
        for table, listed in parts.items()
    }
    plan = plan_of({**files, **photos("images/")})
    assert classes(plan) == LABELS
    splits = [plan.readings[0].placements[f"images/{name}"].split for name in names]
    assert splits == [Split.TRAIN] * 9 + [Split.TEST] * 3


def test_other_columns_can_be_chosen():
    """The column that is headed like a class is proposed; others whose values come back are one choice away."""
    rows = [f"{name},{'mf'[n % 2]},{label},{n * 1.5}" for n, (name, label) in enumerate(LABELS.items())]
    plan = plan_of({"a.csv": "\n".join(["image,gender,breed,weight", *rows]), **photos()})
    assert classes(plan) == LABELS
    assert plan.question is not None
    assert plan.question.options[0].title == "The table a.csv: breed"
    assert "The table a.csv: gender" in [option.title for option in plan.question.options]


def test_a_made_up_submission_is_no_table_of_classes():
    """Kaggle's sample of an answer names every photo's class wrongly."""
    wrong = "id,breed\n" + "\n".join(
        f"{name.removesuffix('.jpg')},{NAMES[0 if n < 6 else 1]}" for n, name in enumerate(LABELS)
    )
    plan = plan_of({"sample_submission.csv": wrong, "labels.csv": lines(), **photos()})
    assert classes(plan) == LABELS
    assert not any("submission" in reading.key for reading in plan.readings)


def test_a_table_completes_the_folders():
    """Photos of the validation lie in no class folder; the table beside them says which of the folders is meant."""
    files: dict[str, bytes | str] = {
        f"tiny/train/{name}/images/{name}_{n}.jpg": b"" for name in NAMES for n in range(4)
    }
    files |= photos("tiny/val/images/") | {f"tiny/test/images/{n}.jpg": b"" for n in range(5)}
    files["tiny/val/val_annotations.txt"] = "".join(
        f"{name}\t{label}\t0\t0\t62\t62\n" for name, label in LABELS.items()
    )
    plan = plan_of(files)
    best = plan.readings[0]
    assert {placed.class_name for placed in best.placements.values()} == set(NAMES)
    assert all(best.placements[f"tiny/val/images/{name}"].class_name == label for name, label in LABELS.items())
    assert len(best.left_out) == 5
    assert plan.question is not None
    assert plan.question.options[1].reading == "leaf"


def test_numbers_in_a_table_mean_numbered_folders():
    """`7` is the folder `00007`, as traffic signs have it."""
    files: dict[str, bytes | str] = {f"Train/0000{c}/{n}.jpg": b"" for c in (3, 7) for n in range(20, 25)}
    files |= {f"Test/{n:05}.jpg": b"" for n in range(4)}
    files["GT.csv"] = "Filename;Width;ClassId\n" + "".join(f"{n:05}.jpg;48;{(3, 7)[n % 2]}\n" for n in range(4))
    best = plan_of(files).readings[0]
    assert best.placements["Test/00001.jpg"].class_name == "00007"
    assert {placed.class_name for placed in best.placements.values()} == {"00003", "00007"}


def test_a_table_that_repeats_the_folders_raises_no_question():
    """The same classes once more are nothing to ask about."""
    files: dict[str, bytes | str] = {f"{label}/{name}": b"" for name, label in LABELS.items()}
    assert plan_of({**files, "labels.csv": lines()}).question is None


def test_a_photo_with_two_classes_is_left_out():
    """A table that contradicts itself about a photo is not believed."""
    plan = plan_of({"labels.csv": lines() + "0000.jpg,collie\n", **photos()})
    assert "two classes" in plan.readings[0].left_out["0000.jpg"]
    assert len(plan.readings[0].placements) == len(LABELS) - 1


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("notes.txt", b"Photos of my dogs.\n"),
        ("a.csv", b""),
        ("a.csv", b"\0\1\2,\3"),
        ("a.csv", b'"never closed,1\n2,3\n'),
        ("a.xlsx", b"no workbook"),
        ("a.json", b"{"),
        ("a.json", b"[" * 100_000),
        ("a.json", b'{"images": 5, "annotations": []}'),
        ("a.jsonl", b"[1]\n"),
        ("a.xml", b"<a><b></a>"),
        ("a.xml", b'<!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;</a>'),
        ("classes.txt", b"cat\ndog\n"),
    ],
)
def test_what_is_no_table_changes_nothing(name: str, content: bytes):
    """Damaged and foreign files beside photos never stop an import."""
    table = read_table(ListedFile(name, (), name), content)
    assert table is None or all(len(row) == len(table.columns) for row in table.rows)
    plan = plan_of({name: content, "cats/1.jpg": b"", "dogs/2.jpg": b""})
    assert plan.question is None
    assert set(classes(plan).values()) == {"cats", "dogs"}
