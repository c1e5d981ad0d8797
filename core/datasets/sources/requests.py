"""Which photos to bring into which dataset, from which source."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Any, ClassVar

from core.datasets.archives.name_encodings import NAME_ENCODINGS
from core.errors import ConfigError
from core.records import Config

MAX_LINKS = 1_000  # of one import
MAX_PHOTOS_OF_A_SOURCE = 100_000


class Licence(StrEnum):
    """What the photos of a web search may be used for; the search engine's own filter."""

    ANY = "any"
    PUBLIC = "public"  # public domain
    SHARE = "share"  # free to share and use
    SHARE_COMMERCIALLY = "share_commercially"
    MODIFY = "modify"  # free to modify, share and use
    MODIFY_COMMERCIALLY = "modify_commercially"


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedFiles(Config):
    """Photos that a browser sent; `ImportDesk.stage_files` wrote them to the disk."""

    KIND: ClassVar[str] = "staged_files"
    needs_network: ClassVar[bool] = False
    is_fetched: ClassVar[bool] = False  # whether it is copied to the import's folder first
    folder: str  # what `ImportDesk.stage_files` returned

    def __post_init__(self) -> None:
        _check_text(self.folder, "staging folder")


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedArchive(Config):
    """Archives, or pieces of them, that a browser sent; `ImportDesk.stage_files` wrote them to the disk."""

    KIND: ClassVar[str] = "staged_archive"
    needs_network: ClassVar[bool] = False
    is_fetched: ClassVar[bool] = False
    folder: str  # what `ImportDesk.stage_files` returned

    def __post_init__(self) -> None:
        _check_text(self.folder, "staging folder")


@dataclass(frozen=True, slots=True, kw_only=True)
class Links(Config):
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
class ServerFolder(Config):
    """A folder, or an archive, on the server, inside one of the setting `import_dirs`."""

    KIND: ClassVar[str] = "server_folder"
    needs_network: ClassVar[bool] = False
    is_fetched: ClassVar[bool] = False
    path: str

    def __post_init__(self) -> None:
        _check_text(self.path, "folder")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kaggle(Config):
    """A data set on Kaggle."""

    KIND: ClassVar[str] = "kaggle"
    needs_network: ClassVar[bool] = True
    is_fetched: ClassVar[bool] = True
    handle: str  # "owner/name"

    def __post_init__(self) -> None:
        _check_text(self.handle, "Kaggle data set")


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorFlowDataset(Config):
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
class WebSearch(Config):
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
class DrawnShapes(Config):
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
class HandwrittenDigits(Config):
    """The 1,797 handwritten digits that scikit-learn carries."""

    KIND: ClassVar[str] = "handwritten_digits"
    needs_network: ClassVar[bool] = False
    is_fetched: ClassVar[bool] = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Phones(Config):
    """Photos that phones send one by one (`core.phones`); each is in the dataset before its phone hears of it."""

    KIND: ClassVar[str] = "phones"
    needs_network: ClassVar[bool] = False
    is_fetched: ClassVar[bool] = False


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
    | Phones
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportRequest(Config):
    """Which photos to bring into which dataset, and how."""

    dataset_id: int
    source: Source
    target_class: str | None = None  # every photo goes there; None: the folders name the classes
    keep_splits: bool = True  # whether train, validation and test folders count
    capture: bool = False  # whether all photos were taken together, as in a webcam burst
    title: str = ""  # what people see in the list of imports
    is_new_dataset: bool = False  # whether the dataset was made for this import, and goes with it if nothing comes
    answer: dict[str, Any] | None = None  # a `PlanAnswer` as JSON: what the person decided about the class folders
    # How names in archives are read that do not say their character set, of `NAME_ENCODINGS`; None: it is found out.
    name_encoding: str | None = None
    blurs_faces: bool = False  # before anything is stored; `ImportDesk.submit` says it
    work_id: str | None = None  # part of the name of its folder; `ImportDesk.submit` gives it, older versions did not

    def __post_init__(self) -> None:
        if self.name_encoding is not None and self.name_encoding not in NAME_ENCODINGS:
            raise ConfigError(
                f"The character set of names is {self.name_encoding!r}; it must be one of {', '.join(NAME_ENCODINGS)}."
            )


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
