"""Sentences without the folders of this computer, for people who are its guests.

An error names the file that it is about with all of its folders: whoever looks after the computer needs them, and
whoever is let into a class must not learn from them how it is called and what else is there.
"""

import os
import re
import tempfile
from pathlib import Path

from core.settings import Settings

SOME_FOLDER = "a folder of the server"  # in place of a folder; a file keeps its name

_PART = r"[^\s/\\\"'“”‘’`,;()\[\]<>|]+"
# An absolute path of at least two parts that belongs to no address of the web, and one of Windows.
_PATH = re.compile(rf"(?<![\w:/.%\\-])(?:~|)/{_PART}(?:/{_PART})+/?|\b[A-Za-z]:[\\/]{_PART}(?:[\\/]{_PART})*[\\/]?")
_LOG = re.compile(r"(?:[;,] the details are in|, see) [\w.-]+\.log(?=\.)|(?<=\.) The details are in [\w.-]+\.")
_ENDINGS = ".:!?…"  # of a sentence, rather than of a name


def without_folders(text: str, settings: Settings) -> str:
    """A text in which files have their names only, and folders none.

    Args:
        text: for people.
        settings: tell folders whose names may hold spaces.
    """
    for root in sorted(_known_folders(settings), key=len, reverse=True):
        text = re.sub(rf"{re.escape(root)}(?![\w-])((?:[/\\]{_PART})*)[/\\]?", lambda found: _name(found[1]), text)
    return without_log(_PATH.sub(lambda found: _name(found[0]), text))


def without_log(text: str) -> str:
    """A text without the clause that says in which log the details are, which guests cannot read."""
    return _LOG.sub("", text)


def _known_folders(settings: Settings) -> set[str]:
    """Folders of this computer that errors may name."""
    paths = [
        *(settings.workspace_dir, settings.cache_path, settings.weights_path, settings.hub_path),
        *map(Path, (*settings.import_dirs, *settings.hub_dirs)),
        *(Path.cwd(), Path(__file__).parents[2], Path(tempfile.gettempdir())),
    ]
    home = os.path.expanduser("~")
    folders = {str(path) for path in paths} | ({home} if os.path.isabs(home) else set())
    return {folder for folder in folders if len(Path(folder).parts) > 1}


def _name(path: str) -> str:
    """What stands in place of a path: the name of its file, where it ends in one."""
    bare = path.rstrip(_ENDINGS)
    name = re.split(r"[/\\]", bare)[-1]
    is_file = bool(re.fullmatch(r".+\.[A-Za-z0-9]{1,8}", name))
    return (name if is_file else SOME_FOLDER) + path[len(bare) :]
