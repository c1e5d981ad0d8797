"""Bluetit's settings: one table, read from the environment and an optional TOML file.

Each field of `Settings` is a row of the table: name, default, unit, help. The value comes from, in order,
the environment variable `BLUETIT_<NAME>`, the TOML file named by `BLUETIT_SETTINGS_FILE` (or `bluetit.toml` in
the working directory), the default. `docs/settings.md` shows the table to administrators.
"""

import difflib
import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from core.errors import SettingsError
from core.home import default_workspace_dir

ENVIRONMENT_PREFIX = "BLUETIT_"
SETTINGS_FILE_VARIABLE = "BLUETIT_SETTINGS_FILE"
DEFAULT_SETTINGS_FILE = "bluetit.toml"


def _setting(
    default: Any, *, unit: str, explanation: str, minimum: float | None = None, shown: str | None = None
) -> Any:
    """A row of the table; a default that is a function is worked out when it is needed, and `shown` says what it is."""
    shown = shown if shown is not None else "" if default in (None, ()) else str(default)
    metadata = {"unit": unit, "help": explanation, "minimum": minimum, "shown": shown}
    if callable(default):
        return field(default_factory=default, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Every setting with its default; `describe` turns the fields into table rows."""

    # Where things live
    workspace_dir: Path = _setting(
        default_workspace_dir,
        shown="~/.bluetit",
        unit="folder",
        explanation="Holds everything of a user: database, photos, logs, caches.",
    )
    weights_dir: Path | None = _setting(
        None,
        unit="folder",
        explanation="Where pretrained weight files are looked for first and downloaded to; "
        "empty means `weights` in the workspace.",
    )
    cache_dir: Path | None = _setting(
        None,
        unit="folder",
        explanation="Prepared backbones and other files that can be made again; empty means `cache` in the workspace.",
    )
    cache_is_shared: bool = _setting(
        False,
        unit="true or false",
        explanation="Whether several hosts use this cache at once; the cache of features is then written in a way that "
        "is slower and safe for all. A folder on a network file system is taken for shared without being told.",
    )
    database_url: str = _setting(
        "",
        unit="SQLAlchemy URL",
        explanation="The database; empty means an SQLite file in the workspace.",
    )
    # Classifying
    default_backbone: str = _setting(
        "EfficientNetLite0",
        unit="name",
        explanation="The backbone that is prepared when the app starts and chosen at first.",
    )
    inference_threads: int = _setting(
        0,
        unit="threads",
        explanation="Photos classified at the same time, one per thread; 0 means one per processor core.",
        minimum=0,
    )
    max_photos_per_batch: int = _setting(
        2000,
        unit="photos",
        explanation="Most photos that one visitor can have on the classify page at once.",
        minimum=1,
    )
    # Photos
    max_photo_bytes: int = _setting(50_000_000, unit="bytes", explanation="Largest photo file that is read.", minimum=1)
    max_photo_pixels: int = _setting(
        100_000_000,
        unit="pixels",
        explanation="Largest photo, width times height, that is decoded.",
        minimum=1,
    )
    # Links
    link_timeout_seconds: float = _setting(
        15.0, unit="seconds", explanation="Longest time that reading one link may take.", minimum=0.1
    )
    link_max_redirects: int = _setting(
        5, unit="redirects", explanation="Most redirects that are followed from one link.", minimum=0
    )
    link_allowed_private_hosts: tuple[str, ...] = _setting(
        (),
        unit="host or host:port, comma-separated",
        explanation="Servers on private addresses that links may point to, such as a school's own; "
        "all other private addresses are refused.",
    )
    # Datasets
    import_dirs: tuple[str, ...] = _setting(
        (),
        unit="folders, comma-separated",
        explanation="Folders of the server from which photos may be imported; none unless set.",
    )
    max_import_photos: int = _setting(
        100_000, unit="photos", explanation="Most photos that one import may bring.", minimum=1
    )
    max_archive_bytes: int = _setting(
        10_000_000_000,
        unit="bytes",
        explanation="Largest archive that is downloaded or unpacked, and most bytes that may come out of one.",
        minimum=1,
    )
    max_archive_ratio: float = _setting(
        100.0,
        unit="bytes out per byte in",
        explanation="Strongest compression of an archive; more is taken for an attack.",
        minimum=1,
    )
    dataset_trash_days: float = _setting(
        30.0,
        unit="days",
        explanation="How long a deleted dataset can be brought back; then it is deleted for good, with the photos that "
        "no run and no other dataset needs. 0 means that only people delete it for good.",
        minimum=0,
    )
    feature_cache_bytes: int = _setting(
        5_000_000_000,
        unit="bytes",
        explanation="Largest size of the cache of features; the longest unused ones are deleted first.",
        minimum=1,
    )
    # Training
    package_after_training: bool = _setting(
        True,
        unit="true or false",
        explanation="Whether the files to take away are made after each training, or only when somebody asks for them.",
    )
    allow_hub: bool = _setting(
        True,
        unit="true or false",
        explanation="Whether modules of TensorFlow Hub, which are programs, may be used at all.",
    )
    hub_publishers: tuple[str, ...] = _setting(
        ("tfhub.dev/google", "kaggle.com/models/google"),
        shown="tfhub.dev/google, kaggle.com/models/google",
        unit="beginnings of addresses, comma-separated",
        explanation="Whose modules of TensorFlow Hub may be downloaded and run; `[]` means nobody's.",
    )
    hub_dirs: tuple[str, ...] = _setting(
        (),
        unit="folders, comma-separated",
        explanation="Folders of the server in which modules of TensorFlow Hub may be, besides `hub` in the workspace; "
        "a module is a program, which training runs.",
    )
    activation_memory_bytes: int = _setting(
        2_000_000_000,
        unit="bytes",
        explanation="Most memory that fine-tuning takes for what the frozen layers make of the photos; "
        "never more than two fifths of what is free.",
        minimum=0,
    )
    activation_disk_bytes: int = _setting(
        20_000_000_000,
        unit="bytes",
        explanation="Most disk space that it takes where memory does not suffice; "
        "beyond, it is computed anew in every epoch.",
        minimum=0,
    )
    # Downloading weights
    weights_mirror_url: str = _setting(
        "",
        unit="URL of a folder",
        explanation="A server of your own that offers the weight files under their usual names, "
        "for rooms without internet; empty means the published addresses.",
    )
    download_connect_seconds: float = _setting(
        6.0,
        unit="seconds",
        explanation="Longest wait for a weights server to begin to answer.",
        minimum=0.1,
    )
    download_stall_seconds: float = _setting(
        30.0,
        unit="seconds",
        explanation="Longest silence of a weights server in the middle of a download.",
        minimum=0.1,
    )
    # Background work
    max_workers: int = _setting(
        1,
        unit="processes",
        explanation="Worker processes for networks that run at the same time; one more works on photos.",
        minimum=1,
    )
    worker_dead_after_seconds: float = _setting(
        30.0,
        unit="seconds",
        explanation="Silence after which a worker that another server process started counts as dead.",
        minimum=1,
    )
    cancel_grace_seconds: float = _setting(
        10.0,
        unit="seconds",
        explanation="Time a cancelled task has to stop by itself before its worker is ended.",
        minimum=0,
    )

    def __post_init__(self) -> None:
        # A relative path would mean another folder to the worker, and wherever the server's own folder changes.
        for name in ("workspace_dir", "weights_dir", "cache_dir"):
            folder = getattr(self, name)
            if folder is not None and not folder.is_absolute():
                object.__setattr__(self, name, Path(os.path.abspath(folder)))
        for name in ("import_dirs", "hub_dirs"):
            folders = (
                _expand_home(Path(folder), f"setting {ENVIRONMENT_PREFIX}{name.upper()}")
                for folder in getattr(self, name)
            )
            object.__setattr__(self, name, tuple(os.path.abspath(folder) for folder in folders))

    @property
    def weights_path(self) -> Path:
        """Folder of pretrained weight files."""
        return self.weights_dir or self.workspace_dir / "weights"

    @property
    def cache_path(self) -> Path:
        """Folder of files that can be made again."""
        return self.cache_dir or self.workspace_dir / "cache"

    @property
    def photos_path(self) -> Path:
        """Folder of the datasets' photos."""
        return self.workspace_dir / "photos"

    @property
    def incoming_path(self) -> Path:
        """Folder of what has arrived and is not imported yet."""
        return self.workspace_dir / "incoming"

    @property
    def hub_path(self) -> Path:
        """Folder of TensorFlow Hub's modules that somebody put there."""
        return self.workspace_dir / "hub"

    @property
    def logs_path(self) -> Path:
        """Folder of the workers' logs."""
        return self.workspace_dir / "logs"

    @property
    def database_path(self) -> Path:
        """SQLite file of the workspace, which is used unless `database_url` names another database."""
        return self.workspace_dir / "bluetit.sqlite3"

    @property
    def num_inference_threads(self) -> int:
        """Photos classified at the same time on this machine, at least 1."""
        return self.inference_threads or num_usable_cores()


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingRow:
    """One row of the table of settings, as `docs/settings.md` shows it."""

    name: str
    variable: str
    default: str
    unit: str
    explanation: str


def describe() -> list[SettingRow]:
    """The table of settings, one row each, in the order of the fields."""
    return [
        SettingRow(
            name=spec.name,
            variable=ENVIRONMENT_PREFIX + spec.name.upper(),
            default=spec.metadata["shown"],
            unit=spec.metadata["unit"],
            explanation=spec.metadata["help"],
        )
        for spec in fields(Settings)
    ]


def load_settings(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from the environment and the TOML file.

    Args:
        environ: the environment variables; the process' own if not given.

    Raises:
        SettingsError: a value is of the wrong type or below its minimum, the file cannot be read, it has a name that
            is no setting, or there is no home folder for a workspace that is not set.
    """
    environ = os.environ if environ is None else environ
    from_file = _read_settings_file(environ)
    values: dict[str, Any] = {}
    for spec in fields(Settings):
        variable = ENVIRONMENT_PREFIX + spec.name.upper()
        if environ.get(variable, "") != "":
            values[spec.name] = _parse(environ[variable], spec.type, f"environment variable {variable}")
        elif spec.name in from_file:
            values[spec.name] = _parse(from_file[spec.name], spec.type, f"setting {spec.name!r} in the file")
        minimum = spec.metadata["minimum"]
        if spec.name in values and minimum is not None and not values[spec.name] >= minimum:
            raise SettingsError(f"{variable} is {values[spec.name]}; it must be at least {minimum}.")
    return Settings(**values)


def find_unknown_variables(environ: Mapping[str, str] | None = None) -> list[str]:
    """A sentence on each variable that looks like a setting and is none, probably for a typing error.

    Args:
        environ: the environment variables; the process' own if not given.
    """
    environ = os.environ if environ is None else environ
    names = [spec.name for spec in fields(Settings)]
    known = {SETTINGS_FILE_VARIABLE, *(ENVIRONMENT_PREFIX + name.upper() for name in names)}
    sentences = []
    for variable in sorted(environ):
        if not variable.upper().startswith(ENVIRONMENT_PREFIX) or variable in known:
            continue
        # Without the beginning that all have in common: else everything would be near to everything.
        near = difflib.get_close_matches(variable[len(ENVIRONMENT_PREFIX) :].lower(), names, n=1)
        meant = f"was {ENVIRONMENT_PREFIX}{near[0].upper()} meant?" if near else "docs/settings.md lists all settings."
        sentences.append(f"The environment variable {variable} is no setting and changes nothing; {meant}")
    return sentences


def _read_settings_file(environ: Mapping[str, str]) -> dict[str, Any]:
    named = environ.get(SETTINGS_FILE_VARIABLE, "")
    path = Path(named or DEFAULT_SETTINGS_FILE)
    if not named and not os.path.isfile(path):
        return {}
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as exc:
        raise SettingsError(f"The settings file {path} cannot be read: {exc}.") from exc
    unknown = sorted(set(content) - {spec.name for spec in fields(Settings)})
    if unknown:
        known = ", ".join(spec.name for spec in fields(Settings))
        raise SettingsError(f"{path} has unknown settings {', '.join(unknown)}. Known ones are: {known}.")
    return content


def _parse(value: Any, kind: Any, where: str) -> Any:
    """Turn text (or a TOML value) into the type that the field is declared with."""
    try:
        if kind is bool:
            return _parse_flag(value)
        if kind is int:
            if isinstance(value, bool) or (isinstance(value, float) and not value.is_integer()):
                raise ValueError(value)
            return int(value)
        if kind is float:
            if isinstance(value, bool):
                raise ValueError(value)
            return float(value)
        if kind == tuple[str, ...]:
            return _parse_list(value)
        if kind in (Path, Path | None):
            return _expand_home(Path(value), where).resolve()
        return str(value)
    except (TypeError, ValueError) as exc:
        expected = "list of texts" if kind == tuple[str, ...] else f"value of type {getattr(kind, '__name__', kind)}"
        raise SettingsError(f"The {where} is {value!r}; a {expected} was expected.") from exc


def _parse_list(value: Any) -> tuple[str, ...]:
    """Texts from a TOML list, from a list as JSON writes it, or between commas; the first two may hold commas."""
    parts = value
    if isinstance(value, str):
        parts = json.loads(value) if value.strip().startswith("[") else value.split(",")
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise TypeError(value)
    return tuple(part.strip() for part in parts if part.strip())


def _expand_home(path: Path, where: str) -> Path:
    try:
        return path.expanduser()
    except RuntimeError as exc:
        raise SettingsError(f"The {where} is {str(path)!r}, but there is no home folder. Give the whole path.") from exc


def _parse_flag(value: Any) -> bool:
    """True or false, of TOML or in the words that people write into environment variables."""
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    if str(value).lower() not in words:
        raise ValueError(value)
    return words[str(value).lower()]


def num_usable_cores() -> int:
    """Cores that this process may use: fewer than the machine has in a container or under `taskset`."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def to_environment(settings: Settings) -> dict[str, str]:
    """The environment variables from which `load_settings` makes the same settings in another process.

    Every setting is there, empty ones too, and the settings file is switched off: what the other process
    inherits or finds in its folder changes nothing.
    """
    environment = {SETTINGS_FILE_VARIABLE: os.devnull}
    for spec in fields(Settings):
        value = getattr(settings, spec.name)
        if isinstance(value, Path):
            value = value.resolve()
        elif isinstance(value, tuple):
            value = json.dumps(value)  # an empty list is no empty text, which would mean the default
        environment[ENVIRONMENT_PREFIX + spec.name.upper()] = "" if value is None else str(value)
    return environment
