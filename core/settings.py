"""Bluetit's settings: one table, which `core.environment` reads from the environment and an optional TOML file.

Each field of `Settings` is a row of the table: name, default, unit, help. `docs/settings.md` shows the table to
administrators.
"""

import os
import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from core.errors import SettingsError
from core.home import default_workspace_dir

ENVIRONMENT_PREFIX = "BLUETIT_"

_PATHS = ("workspace_dir", "weights_dir", "cache_dir", "web_runtime_dir", "certificate_file", "certificate_key_file")


_RAY_ADDRESS = re.compile(r"ray://[^\s/]+:[0-9]+")


def _setting(
    default: Any,
    *,
    unit: str,
    explanation: str,
    minimum: float | None = None,
    choices: tuple[str, ...] = (),
    shown: str | None = None,
) -> Any:
    """A row of the table; a default that is a function is worked out when it is needed, and `shown` says what it is."""
    shown = shown if shown is not None else "" if default in (None, ()) else str(default)
    metadata = {"unit": unit, "help": explanation, "minimum": minimum, "choices": choices, "shown": shown}
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
    web_runtime_dir: Path | None = _setting(
        None,
        unit="folder",
        explanation="Where the files are looked for first that let a browser run a model; empty means the cache, into "
        "which they are downloaded when the first web page is made.",
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
    store_url: str = _setting(
        "",
        unit="address",
        explanation="Where photos, models, checkpoints and exports are kept for several servers together: a bucket "
        "(`s3://bucket/folder`), or whatever else fsspec knows; empty means the workspace. Keys and the server's "
        "address come from the environment, as s3fs takes them (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, "
        "`AWS_ENDPOINT_URL`), and are kept nowhere. See [store.md](store.md).",
    )
    store_cache_bytes: int = _setting(
        20_000_000_000,
        unit="bytes",
        explanation="With `store_url`: most disk space that copies of photos and models take in the workspace; the "
        "longest unused ones are deleted first, which the store has.",
        minimum=0,
    )
    access: str = _setting(
        "alone",
        unit="alone, class, accounts or open",
        explanation="Who may use this Bluetit: whoever sits at this computer (`alone`), a teacher and the pupils who "
        "are let in (`class`), people whom an identity provider knows (`accounts`), or everybody who can open the "
        "page, with everything in common (`open`).",
        choices=("alone", "class", "accounts", "open"),
    )
    space_days: float = _setting(
        14.0,
        unit="days",
        explanation="How long after the last visit everything of a pupil is kept; then it is deleted for good, which "
        "is told at least three days before. 0 means that only the teacher deletes.",
        minimum=0,
    )
    administrators: tuple[str, ...] = _setting(
        (),
        unit="e-mail addresses, comma-separated",
        explanation="With `accounts`: who has the page *Accounts*, which shows how much everybody stores and deletes "
        "it; the address must be one that the identity provider has verified.",
    )
    trusted_proxies: tuple[str, ...] = _setting(
        (),
        unit="addresses or networks, comma-separated",
        explanation="Web servers on other computers, in front of Bluetit, that are believed when they say from where a "
        "request comes and whether it was encrypted; whoever guesses codes is held up by address. One on this computer "
        "is believed without being named.",
    )
    metrics_token: str = _setting(
        "",
        unit="text",
        explanation="Who shows it (`Authorization: Bearer …`) gets figures for Prometheus at the address `/metrics`; "
        "empty means that nobody does.",
    )
    certificate_file: Path | None = _setting(
        None,
        unit="file",
        explanation="The school's own certificate for `bluetit class`, as PEM, with those that vouch for it; empty "
        "means that Bluetit makes one, of which browsers warn.",
    )
    certificate_key_file: Path | None = _setting(
        None,
        unit="file",
        explanation="The key of that certificate, as PEM without a passphrase.",
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
    max_all_photos: int = _setting(
        20_000,
        unit="photos",
        explanation="Most photos of all visitors together on the classify page; their answers are kept in memory, "
        "about 1 kB for each photo and network.",
        minimum=1,
    )
    max_visitor_photo_bytes: int = _setting(
        2_000_000_000,
        unit="bytes",
        explanation="Most disk space that the photos of one visitor on the classify page may take in the cache.",
        minimum=1,
    )
    max_all_photo_bytes: int = _setting(
        20_000_000_000,
        unit="bytes",
        explanation="Most disk space that those of all visitors together may take.",
        minimum=1,
    )
    photos_kept_seconds: float = _setting(
        3_600.0,
        unit="seconds",
        explanation="How long the photos of a visitor who is gone from the classify page are kept, also when the "
        "server is started anew.",
        minimum=60,
    )
    loaded_network_bytes: int = _setting(
        90_000_000,  # all three that come with Bluetit side by side, and one of them besides
        unit="bytes",
        explanation="Loaded networks are kept while their files are together no larger than this; in memory, on two "
        "cores, they take about six times as much.",
        minimum=0,
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
        explanation="Largest archive or project file that is downloaded or unpacked, and most bytes that may come out "
        "of one.",
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
    # Models from elsewhere
    max_foreign_bytes: int = _setting(
        200_000_000,
        unit="bytes",
        explanation="Largest file of a model from elsewhere that is read.",
        minimum=1,
    )
    foreign_memory_bytes: int = _setting(
        4_000_000_000,
        unit="bytes",
        explanation="Most memory of a process that reads or asks a model from elsewhere; one that takes more is ended.",
        minimum=1,
    )
    foreign_read_seconds: float = _setting(
        180.0,
        unit="seconds",
        explanation="Longest time that each step of reading a model from elsewhere may take.",
        minimum=1,
    )
    foreign_answer_seconds: float = _setting(
        20.0,
        unit="seconds",
        explanation="Longest time that a model from elsewhere may take for one photo; one that takes longer is ended.",
        minimum=0.1,
    )
    # Phones
    phone_link_minutes: float = _setting(
        90.0,
        unit="minutes",
        explanation="How long phones can send photos into a class by one code; then another has to be shown.",
        minimum=1,
    )
    max_photos_per_phone_link: int = _setting(
        1000,
        unit="photos",
        explanation="Most photos that phones can send by one code.",
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
        explanation="Worker processes for networks that run at the same time; one more works on photos. 0: this server "
        "starts none, and others do the work (`bluetit worker`).",
        minimum=0,
    )
    workers: str = _setting(
        "local",
        unit="local, auto or ray://host:port",
        explanation="Where networks are trained: in processes of this computer (`local`), or in a Ray cluster: the "
        "one that this computer belongs to (`auto`), or the one at an address. Ray then decides where, and "
        "`max_workers` says nothing. docs/scale.md tells how.",
    )
    ray_cpus: int = _setting(
        1,
        unit="processor cores",
        explanation="Cores that each training gets in a Ray cluster without graphics cards; it uses no more.",
        minimum=1,
    )
    ray_gpus: int = _setting(
        1,
        unit="graphics cards",
        explanation="Graphics cards (GPUs) that each training gets in a Ray cluster that has any; more than one helps "
        "only runs that are told to use all.",
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
    stop_wait_seconds: float = _setting(
        8.0,
        unit="seconds",
        explanation="How long a server that is told to stop (SIGTERM) goes on at most, to finish uploads and photos "
        "that it has begun, and `bluetit worker` its tasks.",
        minimum=0,
    )
    # Limits of each space, where there are several
    max_space_photos: int | None = _setting(
        None,
        shown="2000 in a class",
        unit="photos",
        explanation="Most photos that each pupil or account may have in datasets; in a teacher's own there may be any "
        "number. Set by hand, it also holds where all have one space (`alone`, `open`), as do the four that follow.",
        minimum=1,
    )
    max_space_bytes: int | None = _setting(
        None,
        shown="400000000 in a class",
        unit="bytes",
        explanation="Most disk space that the photos, runs, exports and uploads of each may take.",
        minimum=1,
    )
    max_space_runs: int | None = _setting(
        None,
        shown="20 in a class",
        unit="runs",
        explanation="Most runs that each may keep, those in the trash included.",
        minimum=1,
    )
    max_space_training_minutes_per_hour: float | None = _setting(
        None,
        shown="20 in a class",
        unit="minutes",
        explanation="How long the trainings of each may take in an hour; beyond, none is begun until some time has "
        "passed.",
        minimum=0,
    )
    max_space_uploads_per_minute: int | None = _setting(
        None,
        shown="120 in a class",
        unit="uploads",
        explanation="How often each may send photos, archives or projects.",
        minimum=1,
    )

    def __post_init__(self) -> None:
        # A relative path would mean another folder to the worker, and wherever the server's own folder changes.
        for name in _PATHS:
            path = getattr(self, name)
            if path is not None and not path.is_absolute():
                object.__setattr__(self, name, Path(os.path.abspath(path)))
        if (self.certificate_file is None) != (self.certificate_key_file is None):
            raise SettingsError(
                "BLUETIT_CERTIFICATE_FILE and BLUETIT_CERTIFICATE_KEY_FILE belong together, and only one of them is "
                "set. Set both, or none."
            )
        if self.workers not in ("local", "auto") and not _RAY_ADDRESS.fullmatch(self.workers):
            raise SettingsError(
                f"BLUETIT_WORKERS is {self.workers!r}; it must be local, auto, or the address of a Ray cluster, "
                "such as ray://head:10001."
            )
        for name in ("import_dirs", "hub_dirs"):
            folders = (
                expand_home(Path(folder), f"setting {ENVIRONMENT_PREFIX}{name.upper()}")
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
    def certificate_path(self) -> Path:
        """Folder of the certificate that Bluetit makes for a class."""
        return self.workspace_dir / "certificate"

    @property
    def incoming_path(self) -> Path:
        """Folder of what has arrived and is not imported yet."""
        return self.workspace_dir / "incoming"

    @property
    def hub_path(self) -> Path:
        """Folder of TensorFlow Hub's modules that somebody put there."""
        return self.workspace_dir / "hub"

    @property
    def foreign_path(self) -> Path:
        """Folder of the models from elsewhere."""
        return self.workspace_dir / "foreign"

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


def expand_home(path: Path, where: str) -> Path:
    """A path with the home folder in place of `~`.

    Raises:
        SettingsError: there is no home folder.
    """
    try:
        return path.expanduser()
    except RuntimeError as exc:
        raise SettingsError(f"The {where} is {str(path)!r}, but there is no home folder. Give the whole path.") from exc


def num_usable_cores() -> int:
    """Cores that this process may use: fewer than the machine has in a container or under `taskset`."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
