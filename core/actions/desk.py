"""The desk where people choose what is to happen when a model of theirs sees one of its classes."""

import threading
from dataclasses import replace
from pathlib import Path

from core.actions.files import kept_picture, put_file, read_actions, write_actions
from core.actions.records import PICTURE_SUFFIX, Actions, ClassAction
from core.actions.sounds import sound_suffix
from core.errors import ActionError
from core.inference.trained_model import read_model_record
from core.runs.folder import RunFolder, is_action_file
from core.runs.library import RunLibrary
from core.runs.records import RunStatus
from core.runs.refusals import refusal, refuse_trashed
from core.settings import Settings
from core.storage.db import Database
from core.storage.own_use import refuse_without_room


class ActionDesk:
    """Keeps the reactions of models; safe to share between threads."""

    def __init__(self, database: Database, runs: RunLibrary, settings: Settings) -> None:
        self._database = database
        self._runs = runs
        self._settings = settings
        self._lock = threading.Lock()  # what is chosen is read, changed and written

    def of_run(self, run_id: int) -> Actions:
        """What happens at the classes of a run's model.

        Raises:
            UnknownRunError: no such run.
            ActionError: its file is damaged.
            StorageError: it cannot be read.
        """
        return read_actions(self._folder(run_id))

    def choose(self, run_id: int, class_name: str, action: ClassAction) -> None:
        """Have something happen at a class.

        Args:
            run_id: whose model it is.
            class_name: one that the model has.
            action: with files that the run has already; an empty one for nothing.

        Raises:
            UnknownRunError: no such run.
            RunStateError: it is not done, or in the trash.
            ActionError: the model has no such class, or the run no such file.
            StorageError: it cannot be written.
        """
        with self._lock:
            self._choose(self._writable(run_id), class_name, action)

    def put_picture(self, run_id: int, class_name: str, data: bytes) -> None:
        """Have a picture shown at a class. Raises like `choose`.

        Args:
            run_id: whose model it is.
            class_name: one that the model has.
            data: the picture's file, of any kind that is read of photos.

        Raises:
            LimitReachedError: the space has no room for it.
        """
        self._put(run_id, class_name, kept_picture(data), PICTURE_SUFFIX)

    def put_sound(self, run_id: int, class_name: str, data: bytes) -> None:
        """Have a sound played at a class, from a WAV, MP3 or Ogg file. Otherwise like `put_picture`."""
        self._put(run_id, class_name, data, sound_suffix(data))

    def speak_in(self, run_id: int, language: str) -> None:
        """Have words said in a language, such as "de"; empty: in the browser's own. Raises like `choose`."""
        with self._lock:
            folder = self._writable(run_id)
            write_actions(folder, replace(read_actions(folder), language=language))

    def take_over(self, run_id: int, from_run_id: int) -> int:
        """Have happen what happens at the classes of the same names of another model; how many classes those are.

        Raises like `choose`.
        """
        source = self._folder(from_run_id)
        theirs = read_actions(source)
        names = set(read_model_record(self._writable(run_id)).class_names)
        shared = {name: action for name, action in theirs.by_class.items() if name in names and not action.is_empty}
        with self._lock:
            folder = self._writable(run_id)
            for name, action in shared.items():
                for file_name in action.files:
                    data = source.file(file_name).read_bytes()
                    refuse_without_room(self._database, num_bytes=len(data))
                    put_file(folder, data, Path(file_name).suffix)
                self._choose(folder, name, action)
            write_actions(folder, replace(read_actions(folder), language=theirs.language))
        return len(shared)

    def file_path(self, run_id: int, file_name: str) -> Path:
        """A picture or sound that happens at a class.

        Raises:
            UnknownRunError: no such run.
            ActionError: nothing of this name happens at any class.
            StorageError: it cannot be looked for.
        """
        folder = self._folder(run_id)
        if not is_action_file(file_name) or file_name not in read_actions(folder).files:
            raise ActionError("This picture or sound is not there any more.")
        return folder.file(file_name)

    def _put(self, run_id: int, class_name: str, data: bytes, suffix: str) -> None:
        refuse_without_room(self._database, num_bytes=len(data))
        with self._lock:
            folder = self._writable(run_id)
            self._refuse_unknown(folder, class_name)
            name = put_file(folder, data, suffix)
            old = read_actions(folder).by_class.get(class_name, ClassAction())
            action = replace(old, picture=name) if suffix == PICTURE_SUFFIX else replace(old, sound=name)
            self._choose(folder, class_name, action)

    def _choose(self, folder: RunFolder, class_name: str, action: ClassAction) -> None:
        self._refuse_unknown(folder, class_name)
        missing = [name for name in action.files if not folder.file(name).is_file()]
        if missing:
            raise ActionError("This picture or sound is not there any more. Choose it again.")
        actions = read_actions(folder)
        by_class = {name: each for name, each in actions.by_class.items() if name != class_name}
        if not action.is_empty:
            by_class[class_name] = action
        write_actions(folder, replace(actions, by_class=by_class))

    def _folder(self, run_id: int) -> RunFolder:
        return RunFolder(self._settings, self._runs.get_run(run_id).id)

    def _writable(self, run_id: int) -> RunFolder:
        """The folder of a run whose model may be given reactions."""
        view = self._runs.get_run(run_id)
        refuse_trashed(view)
        if view.status is not RunStatus.DONE:
            raise refusal(view, "only the model of one that is done can react to something")
        with self._database.session():  # refused where things are only looked at
            return RunFolder(self._settings, view.id)

    @staticmethod
    def _refuse_unknown(folder: RunFolder, class_name: str) -> None:
        names = read_model_record(folder).class_names
        if class_name not in names:
            raise ActionError(f"The model has no class “{class_name[:60]}”; it has {', '.join(names[:10])}.")
