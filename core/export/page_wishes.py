"""What somebody wants on the web page of a model besides the model: `page.json` in the run's folder."""

from dataclasses import dataclass

from core.errors import RunFileError
from core.names import clean_text
from core.records import Record
from core.runs.folder import RunFolder

MAX_MAKER_LINE_CHARS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class PageWishes(Record):
    """Chosen once, kept until it is changed."""

    json_error = RunFileError
    json_remedy = "write the line below the title again"

    maker_line: str = ""  # of the maker's own, below the title; at most `MAX_MAKER_LINE_CHARS` visible characters


def read_page_wishes(folder: RunFolder) -> PageWishes:
    """The wishes for the page of a run's model; none where nobody has any.

    Raises:
        RunFileError: the file is damaged.
        StorageError: it cannot be read.
    """
    return folder.read_record(folder.page_path, PageWishes) if folder.page_path.is_file() else PageWishes()


def write_maker_line(folder: RunFolder, line: str) -> None:
    """Keep the line below the title; what is invisible or too long is cut.

    Raises:
        StorageError: it cannot be written.
    """
    wishes = PageWishes(maker_line=clean_text(line).strip()[:MAX_MAKER_LINE_CHARS])
    folder.write_json(folder.page_path, wishes.to_json())
