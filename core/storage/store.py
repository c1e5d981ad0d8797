"""Where photos, models, checkpoints and exports are kept when not (only) in the workspace's folder.

All code reads and writes files of the workspace, by their paths. With the setting `store_url` these files are copies:
the object store has everything, and the workspace of each node is a cache of it, bounded by `store_cache_bytes`. Five
words say what is to happen; without `store_url` none of them does anything.

    bring   before a file is read: it is here afterwards, whole and as new as in the store, if it is anywhere
    keep    after files were written, and before the row is committed that names them: the store has them afterwards
    remove  when files were deleted here: the store has them no more
    move    when a folder was renamed here
    sizes   how much there is, here and elsewhere

A node never deletes a file for room that the store does not have, or that was in use in the last ten minutes.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path


class Store:
    """A workspace whose folder is all there is: nothing has to be brought or kept. Safe between threads."""

    is_elsewhere = False  # whether the files of the workspace are copies

    def bring(self, *paths: Path, is_newest: bool = False) -> None:
        """Have files here, or all files below folders, as they are in the store; several come side by side.

        What is nowhere is not there afterwards either: whoever reads says so, as without a store. A photo whose bytes
        do not fit its name is not brought. Files of a run that another node has replaced are noticed within two
        seconds, new ones at once; all other files are never changed once they are there.

        Args:
            paths: below the workspace or the cache.
            is_newest: whether to ask the store now, as somebody does who goes on with another node's work.

        Raises:
            StoreError: the store does not answer, or does not let us in; what is here stays as it is.
            NoSpaceError: the disk of this node is full.
        """

    def keep(self, *paths: Path, without: Iterable[str] = ()) -> None:
        """Send files, or all files below folders, that the store has not as they are here.

        To be called when they are whole, and before the database names them: then every node that reads the row finds
        the files. Files that are not there are passed over. It may be called again at any time, and then sends only
        what has changed since.

        Args:
            paths: below the workspace or the cache.
            without: names of files and folders that nobody else needs.

        Raises:
            StoreError: the store does not answer, or does not let us in; all files are here still, unsent.
            NoSpaceError: the store is full; likewise.
        """

    def remove(self, *paths: Path) -> None:
        """Delete files, or all files below folders, from the store; what is not there is no failure.

        Raises:
            StoreError: the store does not answer, or does not let us in.
        """

    def move(self, source: Path, target: Path) -> None:
        """Give a folder another name in the store; one that is not there is no failure.

        Raises:
            StoreError: the store does not answer, or does not let us in; the folder may be there twice.
        """

    def sizes(self, folder: Path) -> dict[str, int]:
        """Bytes of each file and folder directly below a folder, as the store has them, at most ten seconds ago.

        Raises:
            StoreError: the store does not answer, or does not let us in.
        """
        return {}

    def ages(self, folder: Path) -> dict[str, float]:
        """Unix seconds at which each file below a folder was stored, by its path below it with slashes.

        Raises:
            StoreError: the store does not answer, or does not let us in.
        """
        return {}

    def all_files(self) -> Iterator[tuple[str, Iterator[bytes]]]:
        """The key of everything that is stored, and its bytes in pieces, read when they are asked for.

        Raises:
            StoreError: the store does not answer, or does not let us in.
        """
        return iter(())

    def trim(self) -> int:
        """Delete the longest unused copies of this node until they fit; the bytes that were deleted.

        Photos on the classify page do not count: their visitor is there, other limits bound them, and they go with
        their batch.

        Raises:
            StoreError: the store does not answer, or does not let us in.
        """
        return 0


NO_STORE = Store()
