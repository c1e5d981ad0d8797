"""Where the files of models from elsewhere are: what arrived waits with what is imported, each model has a folder."""

import contextlib
import shutil
import time
import uuid
from collections.abc import Collection
from pathlib import Path

from core.errors import ForeignModelError
from core.foreign.records import ForeignSource
from core.settings import Settings
from core.storage.files import TEMPORARY_PREFIX, translating_disk_errors
from core.storage.open_store import open_store
from core.storage.own_keys import is_own_key

# A folder gets its place a moment before its row is written.
_YOUNG_COPY_SECONDS = 600.0
_MODEL_FILE = "model.tflite"


def model_path(settings: Settings, model_id: int) -> Path:
    """The LiteRT file of a model, here by now if it is anywhere.

    Raises:
        StorageError: it is in an object store that does not answer, or the disk is full.
    """
    path = model_dir(settings, model_id) / _MODEL_FILE
    open_store(settings).bring(path)
    return path


def model_dir(settings: Settings, model_id: int) -> Path:
    """The folder of a model."""
    return settings.foreign_path / str(model_id)


def place_model(settings: Settings, model_id: int, file: Path) -> None:
    """Give a file its place, within the transaction that gives its number out.

    A folder that is there already belongs to a model of another database: it is set aside, as those of runs are.

    Raises:
        NoSpaceError: the disk is full.
        StorageError: it cannot be moved.
    """
    folder, store = model_dir(settings, model_id), open_store(settings)
    draft = folder.with_name(f"{TEMPORARY_PREFIX}{uuid.uuid4().hex[:12]}-{model_id}")
    with translating_disk_errors(settings.foreign_path):
        draft.mkdir(parents=True)
        try:
            shutil.copyfile(file, draft / _MODEL_FILE)
            aside = folder.with_name(f"{model_id}-before-{uuid.uuid4().hex[:8]}")
            store.move(folder, aside)
            with contextlib.suppress(FileNotFoundError):
                folder.rename(aside)
            draft.rename(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    store.keep(folder)


def remove_model(settings: Settings, model_id: int) -> None:
    """Delete the folder of a model; one that is not there is no failure.

    Raises:
        StorageError: it cannot be deleted.
    """
    folder = model_dir(settings, model_id)
    open_store(settings).remove(folder)
    going = folder.with_name(f"{TEMPORARY_PREFIX}{uuid.uuid4().hex[:12]}-{model_id}")
    with translating_disk_errors(settings.foreign_path):
        try:
            folder.rename(going)
        except FileNotFoundError:
            return
        shutil.rmtree(going)


def forget_copies(settings: Settings, known: Collection[int]) -> None:
    """Delete folders here of models that another server has deleted; nothing without an object store.

    Args:
        settings: where they are.
        known: numbers of all models that there are.

    Raises:
        StorageError: the disk failed.
    """
    if not open_store(settings).is_elsewhere:
        return
    newest = time.time() - _YOUNG_COPY_SECONDS
    for folder in settings.foreign_path.glob("*"):
        if folder.name.isdecimal() and int(folder.name) not in known and folder.stat().st_mtime < newest:
            with translating_disk_errors(folder):
                shutil.rmtree(folder)


def arrived_dir(source: ForeignSource, settings: Settings) -> Path:
    """Folder of the files that somebody brought.

    Raises:
        ForeignModelError: the source is none of this workspace.
    """
    if not is_own_key(source.key, None):
        raise ForeignModelError(f"{source.key[:40]!r} is nothing that was brought. Choose the file again.")
    return settings.incoming_path / source.key


def arrived_paths(source: ForeignSource, settings: Settings) -> list[Path]:
    """These files, in the order of their names.

    Raises:
        ForeignModelError: they are not there any more.
    """
    open_store(settings).bring(arrived_dir(source, settings))
    paths = [arrived_dir(source, settings) / f"brought-{number}" for number in range(len(source.names))]
    if not paths or not all(path.is_file() for path in paths):
        raise ForeignModelError("The file is not on the server any more. Choose it again.")
    return paths


def remove_arrived(source: ForeignSource, settings: Settings) -> None:
    """Delete what arrived.

    Raises:
        StoreError: the object store does not answer.
    """
    shutil.rmtree(arrived_dir(source, settings), ignore_errors=True)
    open_store(settings).remove(arrived_dir(source, settings))
