"""Bringing photos into a dataset: what is asked for, and the desk that takes requests and tells how they go.

The work itself is `core.datasets.importing`, in a worker process. An import goes through the states of `ImportState`:
it waits for the worker or is in its hands, may stop at a question, and ends done, failed or cancelled.
"""

import re
import time
import uuid
from collections.abc import Iterable
from dataclasses import MISSING, asdict, dataclass, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Any, ClassVar, Self

from core.datasets.layout import LayoutAnswer
from core.datasets.library import Library
from core.datasets.names import clean_name
from core.datasets.records import ImportState, ImportView
from core.datasets.source_files import SourceFile
from core.datasets.staging import is_staged, remove_staging, stage
from core.errors import ConfigError, DatasetError, SourceError
from core.jobs.queue import TaskQueue
from core.jobs.status import TaskStatus
from core.jobs.supervisor import Supervisor
from core.jobs.views import Progress, TaskView
from core.settings import Settings

MAX_LINKS = 1_000  # of one import
MAX_PHOTOS_OF_A_SOURCE = 100_000

IMPORT_KIND = "import_photos"

# Uploads that nobody imported, and what a failed import might go on with, are kept this long.
KEEP_INCOMING_SECONDS = 7 * 24 * 3600.0

# Between noting an import and queueing its task there are milliseconds.
_BEGIN_SECONDS = 60.0

_STAGING_ID = re.compile(r"[0-9a-f]{32}")


class Licence(StrEnum):
    """What the photos of a web search may be used for; the search engine's own filter."""

    ANY = "any"
    PUBLIC = "public"  # public domain
    SHARE = "share"  # free to share and use
    SHARE_COMMERCIALLY = "share_commercially"
    MODIFY = "modify"  # free to modify, share and use
    MODIFY_COMMERCIALLY = "modify_commercially"


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedFiles:
    """Photos that a browser sent; `ImportDesk.stage_files` wrote them to the disk."""

    KIND: ClassVar[str] = "staged_files"
    needs_network: ClassVar[bool] = False
    is_fetched: ClassVar[bool] = False  # whether it is copied to the import's folder first
    folder: str  # what `ImportDesk.stage_files` returned

    def __post_init__(self) -> None:
        _check_text(self.folder, "staging folder")


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedArchive:
    """Archives (zip, tar, tar.gz) that a browser sent; `ImportDesk.stage_files` wrote them to the disk."""

    KIND: ClassVar[str] = "staged_archive"
    needs_network: ClassVar[bool] = False
    is_fetched: ClassVar[bool] = False
    folder: str  # what `ImportDesk.stage_files` returned

    def __post_init__(self) -> None:
        _check_text(self.folder, "staging folder")


@dataclass(frozen=True, slots=True, kw_only=True)
class Links:
    """Addresses on the web, each of a photo or of an archive."""

    KIND: ClassVar[str] = "links"
    needs_network: ClassVar[bool] = True
    is_fetched: ClassVar[bool] = True
    urls: tuple[str, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "urls", tuple(str(url) for url in self.urls))
        if not 1 <= len(self.urls) <= MAX_LINKS:
            raise ConfigError(f"{len(self.urls):,} links were given; 1 to {MAX_LINKS:,} can be read at once.")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFolder:
    """A folder, or an archive, on the server, inside one of the setting `import_dirs`."""

    KIND: ClassVar[str] = "server_folder"
    needs_network: ClassVar[bool] = False
    is_fetched: ClassVar[bool] = False
    path: str

    def __post_init__(self) -> None:
        _check_text(self.path, "folder")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kaggle:
    """A data set on Kaggle."""

    KIND: ClassVar[str] = "kaggle"
    needs_network: ClassVar[bool] = True
    is_fetched: ClassVar[bool] = True
    handle: str  # "owner/name"

    def __post_init__(self) -> None:
        _check_text(self.handle, "Kaggle data set")


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorFlowDataset:
    """An image classification set of TensorFlow Datasets."""

    KIND: ClassVar[str] = "tensorflow_dataset"
    needs_network: ClassVar[bool] = True
    is_fetched: ClassVar[bool] = True
    name: str  # such as "cats_vs_dogs"
    max_photos: int = 2_000  # in all

    def __post_init__(self) -> None:
        _check_text(self.name, "TensorFlow data set")
        _check_number(self.max_photos, "max_photos", 1, MAX_PHOTOS_OF_A_SOURCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSearch:
    """Photos that a web search finds; the link of each is kept."""

    KIND: ClassVar[str] = "web_search"
    needs_network: ClassVar[bool] = True
    is_fetched: ClassVar[bool] = True
    query: str
    licence: Licence = Licence.ANY
    max_photos: int = 50

    def __post_init__(self) -> None:
        _check_text(self.query, "search")
        object.__setattr__(self, "licence", _one_of(Licence, self.licence, "licence"))
        _check_number(self.max_photos, "max_photos", 1, MAX_LINKS)


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnShapes:
    """Photo-like pictures that Bluetit draws by itself; the same seed gives the same pictures."""

    KIND: ClassVar[str] = "drawn_shapes"
    needs_network: ClassVar[bool] = False
    is_fetched: ClassVar[bool] = True
    num_per_class: int = 60
    seed: int = 0

    def __post_init__(self) -> None:
        _check_number(self.num_per_class, "num_per_class", 1, 10_000)
        _check_number(self.seed, "seed", 0, 2**32 - 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class HandwrittenDigits:
    """The 1,797 handwritten digits that scikit-learn carries."""

    KIND: ClassVar[str] = "handwritten_digits"
    needs_network: ClassVar[bool] = False
    is_fetched: ClassVar[bool] = True


Source = (
    StagedFiles
    | StagedArchive
    | Links
    | ServerFolder
    | Kaggle
    | TensorFlowDataset
    | WebSearch
    | DrawnShapes
    | HandwrittenDigits
)

_SOURCE_TYPES: dict[str, type[Any]] = {
    kind.KIND: kind
    for kind in (
        StagedFiles,
        StagedArchive,
        Links,
        ServerFolder,
        Kaggle,
        TensorFlowDataset,
        WebSearch,
        DrawnShapes,
        HandwrittenDigits,
    )
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest:
    """Which photos to bring into which dataset, and how."""

    dataset_id: int
    source: Source
    target_class: str | None = None  # every photo goes there; None: the folders name the classes
    keep_splits: bool = True  # whether train, validation and test folders count
    capture: bool = False  # whether all photos were taken together, as in a webcam burst
    title: str = ""  # what people see in the list of imports
    answer: dict[str, Any] | None = None  # a `LayoutAnswer` as JSON: what the person decided about the class folders

    def to_json(self) -> dict[str, Any]:
        """As the database keeps it."""
        values = {spec.name: getattr(self, spec.name) for spec in fields(self)}
        return {**values, "source": {"kind": self.source.KIND, **asdict(self.source)}}

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Self:
        """Read what `to_json` wrote.

        Raises:
            ConfigError: a name is unknown or missing, or a value cannot be used.
        """
        source = dict(values.get("source") or {})
        kind = _SOURCE_TYPES.get(source.pop("kind", ""))
        if kind is None:
            raise ConfigError(f"The import has no known source; known are {', '.join(_SOURCE_TYPES)}.")
        checked_source = kind(**_checked_names(kind, source))
        return cls(**_checked_names(cls, {**values, "source": checked_source}))


def _checked_names(config: type[Any], values: dict[str, Any]) -> dict[str, Any]:
    known = {spec.name for spec in fields(config)}
    required = known - {name for name in known if _has_default(config, name)}
    if set(values) - known or required - set(values):
        raise ConfigError(
            f"{config.__name__} was given {', '.join(sorted(values)) or 'nothing'}; "
            f"it needs {', '.join(sorted(required)) or 'nothing'} and knows {', '.join(sorted(known)) or 'nothing'}."
        )
    return values


def _has_default(config: type[Any], name: str) -> bool:
    return any(spec.name == name and spec.default is not MISSING for spec in fields(config))


def _check_text(value: str, what: str) -> None:
    if not isinstance(value, str) or not value.strip():
        raise ConfigError(f"The {what} is empty.")


def _check_number(value: int, name: str, minimum: int, maximum: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or not minimum <= value <= maximum:
        raise ConfigError(f"{name} is {value!r}; a whole number from {minimum} to {maximum:,} is needed.")


def _one_of(kind: type[Licence], value: str, what: str) -> Licence:
    try:
        return kind(value)
    except ValueError as exc:
        raise ConfigError(f"The {what} is {value!r}; it must be one of {', '.join(kind)}.") from exc


# --- places ----------------------------------------------------------------------------------------------


def staging_path(staging_id: str, settings: Settings) -> Path:
    """The folder of an upload.

    Raises:
        SourceError: the text is no number that `ImportDesk.stage_files` gave.
    """
    if not _STAGING_ID.fullmatch(staging_id):
        raise SourceError(f"{staging_id[:40]!r} is no upload of this workspace. Add the photos again.")
    return settings.incoming_path / staging_id


def work_path(import_id: int, settings: Settings) -> Path:
    """The folder of an import for what it fetches."""
    return settings.incoming_path / f"import-{import_id}"


def import_roots(settings: Settings) -> list[Path]:
    """The folders from which the administrator allows imports, links resolved."""
    return [Path(folder).expanduser().resolve() for folder in settings.import_dirs]


def allowed_path(path: str, settings: Settings) -> Path:
    """A folder or file of the server, links resolved, that may be imported.

    Args:
        path: absolute, or relative to one of the allowed folders.
        settings: `import_dirs` counts.

    Raises:
        SourceError: it is not there, or not inside one of the allowed folders; which of the two is not told.
    """
    roots = import_roots(settings)
    if not roots:
        raise SourceError(
            "Folders of the server cannot be imported: none is allowed. "
            "An administrator can allow folders with the setting BLUETIT_IMPORT_DIRS."
        )
    for root in roots:
        try:
            resolved = (root / path).resolve(strict=True)  # an absolute path replaces the root
        except (OSError, ValueError, RuntimeError):  # missing; a null character; links in a circle up to Python 3.12
            continue
        if any(resolved.is_relative_to(allowed) for allowed in roots):
            return resolved
    raise SourceError(
        f"There is no {path[:200]!r} in the folders from which photos may be imported: "
        f"{', '.join(settings.import_dirs)}."
    )


# --- the desk --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportStatus:
    """How an import stands."""

    view: ImportView
    progress: Progress | None  # of an active import, once it has reported
    is_active: bool  # whether it waits for the worker or is in its hands
    error: str | None  # of a failed import, for people


class ImportDesk:
    """Takes requests to import and tells how they go; safe to share between sessions and threads."""

    def __init__(self, settings: Settings, library: Library, queue: TaskQueue, supervisor: Supervisor) -> None:
        self._settings = settings
        self._library = library
        self._queue = queue
        self._supervisor = supervisor

    def stage_files(self, files: Iterable[tuple[str, bytes]]) -> str:
        """Write what a browser sent to the disk, for a request with `StagedFiles` or `StagedArchive`.

        Args:
            files: (path, content) of each; the path is the client's, relative, and used as a label only. They are
                taken one after the other.

        Returns:
            The folder that the request names.

        Raises:
            SourceError: there are more files than one import may bring.
            NoSpaceError: the disk is full; nothing was kept.
            StorageError: the files cannot be written.
        """
        staging_id = uuid.uuid4().hex
        stage(
            (SourceFile(path=path, data=data) for path, data in files),
            staging_path(staging_id, self._settings),
            max_files=self._settings.max_import_photos,
        )
        return staging_id

    def submit(self, request: ImportRequest) -> int:
        """Queue an import and return its number.

        Raises:
            UnknownDatasetError: no such dataset, or it is in the trash.
            NameRefusedError: a class cannot have the name.
            ConfigError: the answer is none.
            SourceError: the upload or the server's folder is not there, or may not be imported.
        """
        if request.target_class is not None:
            request = replace(request, target_class=clean_name(request.target_class, "class"))
        if request.answer is not None:
            LayoutAnswer.from_json(request.answer)
        self._check_source(request.source)
        import_id = self._library.create_import(request.dataset_id, request.to_json())
        self._queue_task(import_id)
        return import_id

    def answer(self, import_id: int, answer: dict[str, Any]) -> None:
        """Let an import go on that stopped at a question; nothing is uploaded or downloaded again.

        Args:
            import_id: the import.
            answer: a `LayoutAnswer` as JSON.

        Raises:
            UnknownDatasetError: no such import.
            DatasetError: the import has no open question.
            ConfigError: the answer is none.
        """
        view = self._library.get_import(import_id)
        if view.state is not ImportState.QUESTION:
            raise DatasetError(f"Import {import_id} has no open question: it is {view.state}.")
        self._library.reopen_import(import_id, {**view.request, "answer": LayoutAnswer.from_json(answer).to_json()})
        self._queue_task(import_id)

    def retry(self, import_id: int) -> None:
        """Try a failed import again; downloads go on where they stopped.

        Raises:
            UnknownDatasetError: no such import.
            DatasetError: the import has not failed.
        """
        view = self.status(import_id).view
        if view.state is not ImportState.FAILED:
            raise DatasetError(f"Import {import_id} is {view.state}; only a failed one can be tried again.")
        self._library.reopen_import(import_id, view.request)
        self._queue_task(import_id)

    def cancel(self, import_id: int) -> None:
        """Stop an import; from this moment on it adds nothing. One that is over stays as it is.

        Raises:
            UnknownDatasetError: no such import.
        """
        view = self._library.get_import(import_id)
        if view.state in (ImportState.DONE, ImportState.CANCELLED):
            return
        self._library.finish_import(
            import_id, state=ImportState.CANCELLED, refused=view.refused, num_refused=view.num_refused
        )
        if view.task_id is not None:
            self._queue.request_cancel(view.task_id)
            if self._queue.get(view.task_id).is_active:
                return  # the worker reads the files still, and deletes them when it stops
        remove_import_files(view, self._settings)

    def status(self, import_id: int) -> ImportStatus:
        """How an import stands.

        Raises:
            UnknownDatasetError: no such import.
        """
        view = self._library.get_import(import_id)
        task = None if view.task_id is None else self._queue.get(view.task_id)
        is_begun = task is not None or time.time() - view.created_at > _BEGIN_SECONDS
        if view.state is ImportState.WAITING and is_begun and not (task and task.is_active):
            view = self._settle(view, task)
        is_active = view.state is ImportState.WAITING
        return ImportStatus(
            view=view,
            progress=self._queue.progress(task.id) if task is not None and is_active else None,
            is_active=is_active,
            error=_error_of(task) if view.state is ImportState.FAILED else None,
        )

    def list_statuses(self, dataset_id: int, limit: int = 20) -> list[ImportStatus]:
        """How the newest imports of a dataset stand, newest first."""
        return [self.status(view.id) for view in self._library.list_imports(dataset_id, limit)]

    def sweep(self) -> None:
        """Delete what has been waiting in the incoming folder for too long and belongs to no open import."""
        if not self._settings.incoming_path.is_dir():
            return
        needed = {path for view in self._open_imports() for path in _folders_of(view, self._settings)}
        oldest = time.time() - KEEP_INCOMING_SECONDS
        for folder in self._settings.incoming_path.iterdir():
            if folder not in needed and folder.stat().st_mtime < oldest:
                remove_staging(folder)

    def _check_source(self, source: Source) -> None:
        if isinstance(source, StagedFiles | StagedArchive):
            if not is_staged(staging_path(source.folder, self._settings)):
                raise SourceError("The uploaded photos are not on the server any more. Add them again.")
        elif isinstance(source, ServerFolder):
            allowed_path(source.path, self._settings)

    def _queue_task(self, import_id: int) -> None:
        key = f"{IMPORT_KIND}:{import_id}"
        task_id = self._queue.submit(IMPORT_KIND, {"import_id": import_id}, key=key)
        self._library.set_import_task(import_id, task_id)
        self._supervisor.wake()

    def _settle(self, view: ImportView, task: TaskView | None) -> ImportView:
        """Note the end of an import whose worker could not do that, because it was killed or has crashed."""
        latest = self._library.get_import(view.id)
        if latest != view:
            return latest  # it ended, or was begun again, between two looks
        is_cancelled = task is not None and task.status is TaskStatus.CANCELLED
        state = ImportState.CANCELLED if is_cancelled else ImportState.FAILED
        self._library.finish_import(view.id, state=state, refused=view.refused, num_refused=view.num_refused)
        if is_cancelled:
            remove_import_files(view, self._settings)
        return self._library.get_import(view.id)

    def _open_imports(self) -> list[ImportView]:
        datasets = [*self._library.list_datasets(), *self._library.list_trashed_datasets()]
        views = [view for dataset in datasets for view in self._library.list_imports(dataset.id, limit=1_000)]
        return [view for view in views if view.state in (ImportState.WAITING, ImportState.QUESTION)]


def remove_import_files(view: ImportView, settings: Settings) -> None:
    """Delete what an import that is over was made from."""
    for folder in _folders_of(view, settings):
        remove_staging(folder)


def _folders_of(view: ImportView, settings: Settings) -> list[Path]:
    source = ImportRequest.from_json(view.request).source
    if isinstance(source, StagedFiles | StagedArchive):
        return [staging_path(source.folder, settings)]
    return [work_path(view.id, settings)]


def _error_of(task: TaskView | None) -> str:
    if task is None:
        return "The import was never begun: the server stopped at that moment. Try again."
    return task.error or "The import was stopped before its end. Try again."
