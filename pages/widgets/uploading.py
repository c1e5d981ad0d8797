"""What a visitor's boxes for files have handed over, so that each file is taken once and none is forgotten."""

import re
import threading
from collections.abc import Callable, Sequence
from typing import Any, Literal

import streamlit as st
from streamlit.runtime.memory_uploaded_file_manager import MemoryUploadedFileManager
from streamlit.runtime.scriptrunner import get_script_run_ctx
from streamlit.runtime.uploaded_file_manager import UploadedFile

from pages.widgets.errors import guarded

# Around the number of a box, in front of a file's name: the browser gives a file again that it takes for lost with that
# box. An invisible sign, which no name has. The same stands in `pages/assets/browser_events.js`.
_GIVEN_AGAIN = re.compile("\u2063([0-9]{1,9})\u2063")
# A box that has been emptied is followed by a new one; the browser may still ask what became of the ones before.
_MAX_REMEMBERED_BOXES = 10

Files = Sequence[UploadedFile]


class UploadBox:
    """One place for files on a page: it is emptied whenever its files have been taken, by putting a new box there.

    Streamlit may report the same files twice, or report them to a run that is overtaken; so what was taken is kept
    here, and every method may be called from any thread.
    """

    def __init__(self, key: str) -> None:
        """Begin with an empty box.

        Args:
            key: of the place, the same in every run.
        """
        self._key = key
        self._lock = threading.Lock()
        self._generation = 0
        self._taken_ids: dict[int, set[str]] = {}  # by generation, as what was received
        self._received: dict[int, list[tuple[str, int]]] = {}  # by generation: names and sizes in bytes
        # Likewise: what came with a later box, before the one that had seemed to lose it handed it over after all.
        self._given_again: dict[int, set[tuple[str, int]]] = {}

    @property
    def widget_key(self) -> str:
        """Key of the box that is there now."""
        with self._lock:
            return f"{self._key}.{self._generation}"

    def take(self, files: Sequence[UploadedFile], widget_key: str | None = None) -> list[UploadedFile]:
        """Those of the files that were not taken before; from now on there is a new box.

        Args:
            files: what a box holds.
            widget_key: of that box, which may hand something over after a new one has taken its place; None: the one
                that is there now.
        """
        with self._lock:
            generation = self._generation if widget_key is None else int(widget_key.rpartition(".")[2])
            taken_ids = set[str]().union(*self._taken_ids.values())
            new = [file for file in files if file.file_id not in taken_ids]
            self._taken_ids.setdefault(generation, set()).update(file.file_id for file in new)
            wanted = [file for file in new if not self._was_received(file, generation)]
            self._received.setdefault(generation, []).extend((file.name, file.size) for file in new)
            for file in wanted:
                self._note_given_again(file)
            if files and generation == self._generation:
                self._generation += 1
            for forgotten in sorted(self._received)[:-_MAX_REMEMBERED_BOXES]:
                for kept in (self._received, self._taken_ids, self._given_again):
                    kept.pop(forgotten, None)
        for file in wanted:
            file.name = _GIVEN_AGAIN.sub("", file.name)
        return wanted

    def _was_received(self, file: UploadedFile, generation: int) -> bool:
        """Whether a file had come with the box that seemed to lose it, or was given again since; holding the lock."""
        name = file.name
        if (name, file.size) in self._given_again.get(generation, ()):
            return True
        while (mark := _GIVEN_AGAIN.match(name)) is not None:
            name = name[mark.end() :]
            if (name, file.size) in self._received.get(int(mark[1]), ()):
                return True
        return False

    def _note_given_again(self, file: UploadedFile) -> None:
        """Note from which boxes a file seemed lost that is taken now; holding the lock."""
        name = file.name
        while (mark := _GIVEN_AGAIN.match(name)) is not None:
            name = name[mark.end() :]
            self._given_again.setdefault(int(mark[1]), set()).add((name, file.size))

    def describe(self) -> dict[str, Any]:
        """What `pages/assets/browser_events.js` has to know to find files that were lost on the way."""
        with self._lock:
            return {
                # As Streamlit makes it of the key, but for the number at its end.
                "class_prefix": "st-key-" + re.sub(r"[^a-zA-Z0-9_-]", "-", self._key) + "-",
                "generation": self._generation,
                "received": {str(generation): list(files) for generation, files in self._received.items()},
            }


def let_go(files: Sequence[UploadedFile]) -> None:
    """Have Streamlit forget files that were taken, which it would keep in memory until their page is closed.

    What was taken can still be read: each file has its bytes by itself.
    """
    context = get_script_run_ctx()
    if context is not None and isinstance(context.uploaded_file_mgr, MemoryUploadedFileManager):
        for file in files:
            context.uploaded_file_mgr.remove_file(context.session_id, file.file_id)


def open_box(key: str) -> UploadBox:
    """This visitor's box with that key."""
    box: UploadBox = st.session_state.setdefault(f"{key}.box", UploadBox(key))
    return box


def render_upload_box(
    label: str,
    *,
    key: str,
    max_megabytes: int,
    take: Callable[[Files], object],
    accept: Literal["directory", True] = True,
    types: Sequence[str] | None = None,
) -> None:
    """A box to drop files on, which empties itself once they have been taken.

    Args:
        label: what to drop here.
        key: of the place, the same in every run.
        max_megabytes: largest file that the browser lets through.
        take: called with the files, once for each.
        accept: a whole folder, or any number of files.
        types: endings that the browser offers; None for all.
    """
    box = open_box(key)
    widget_key = box.widget_key
    files = st.file_uploader(
        label,
        type=list(types) if types else None,
        accept_multiple_files=accept,
        key=widget_key,
        max_upload_size=max_megabytes,
        on_change=guarded(_take),
        args=(box, widget_key, take),
    )
    if files:  # the run that should have taken them was overtaken before it began
        guarded(_take_files)(box, widget_key, files, take)
        st.rerun()


def _take(box: UploadBox, widget_key: str, take: Callable[[Files], object]) -> None:
    _take_files(box, widget_key, st.session_state[widget_key], take)


def _take_files(box: UploadBox, widget_key: str, files: Files, take: Callable[[Files], object]) -> None:
    new = box.take(files, widget_key)
    let_go(files)
    if new:
        take(new)
