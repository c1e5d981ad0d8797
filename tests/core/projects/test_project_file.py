"""Reading the entries of a project."""

from pathlib import Path

from core.datasets.archives.rules import ArchiveLimits
from core.datasets.shelves.whole_dataset import WholeImage
from core.projects.layout import IMAGES
from core.projects.project_file import open_project
from tests.core.projects.project_samples import tampered


def test_other_entries_are_read_while_a_long_table_is(project: Path, tmp_path: Path):
    """A table longer than one piece of the file, with something read after each of its lines."""
    long = tampered(project, tmp_path / "long.bluetit", {IMAGES: lambda content: content * 200})
    with open_project(long, "long", ArchiveLimits()) as file:
        photos = [len(file.read(path)) for path in file.paths if path.startswith("photos/")]
        rows = file.read_lines(IMAGES, WholeImage)
        first = [next(rows).name for _ in range(5)]
        names = [first[-1]] + [row.name for row in rows if file.read_summary().num_photos == len(photos)]
    assert len(names) == 5 * 200 - 4
    assert names[5] == first[-1]
