"""The files that somebody brought, opened as far as is needed to see which of them are the model and its labels.

Of a zip no path is ever written to the disk, entries, bytes and compression are bounded, and only what is needed comes
out of it.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from core.datasets.archives.rules import ArchiveLimits, BrokenArchiveError, BrokenMemberError, Budget, Member
from core.datasets.archives.zip_reader import ZipReader, is_zip
from core.errors import ArchiveError, ForeignModelError
from core.foreign.labels import LABEL_SUFFIXES, MAX_BYTES
from core.foreign.refusals import WANTED, empty_of_models, refusal, unreadable

HDF5_MAGIC = b"\x89HDF\r\n\x1a\n"
LITERT_MAGIC, LITERT_MAGIC_AT = b"TFL3", 4
KERAS_CONFIG, KERAS_METADATA, KERAS_WEIGHTS = "config.json", "metadata.json", "model.weights.h5"

_HEAD_BYTES = 512
_MAX_ENTRIES = 10_000
_MAX_GROWTH = 4  # bytes out of a zip for each byte that a model may have
_HDF5_SUFFIXES = (".h5", ".hdf5")
MODEL_SUFFIXES = (".keras", *_HDF5_SUFFIXES, ".tflite", ".lite")
_DESCRIPTION = "model.json"
_LABEL_NAMES = ("labels.txt", "label.txt", "labels.json", "class_names.txt", "classes.txt", "class_indices.json")


def is_hdf5(head: bytes) -> bool:
    """Whether a file that begins like this is HDF5, as old models of Keras are."""
    return head.startswith(HDF5_MAGIC)


def is_litert(head: bytes) -> bool:
    """Whether a file that begins like this is a LiteRT file."""
    return head[LITERT_MAGIC_AT : LITERT_MAGIC_AT + len(LITERT_MAGIC)] == LITERT_MAGIC


class OpenZip:
    """The files of a zip; made by `open_zip`, for one thread."""

    def __init__(self, file: BinaryIO, name: str, max_bytes: int) -> None:
        self.name = name
        limits = ArchiveLimits(max_entries=_MAX_ENTRIES, max_bytes=max_bytes, max_ratio=100)
        num_bytes = file.seek(0, io.SEEK_END)
        budget = Budget(name, num_bytes, limits)
        self._members: dict[str, Member] = {}
        with self._refusing():
            reader = ZipReader(file, name, limits)
            if not reader.has_table:
                raise refusal(name, "It is cut off: its end is missing. Copy or download it again.")
            for member in reader.members(budget):
                parts = PurePosixPath(member.path.replace("\\", "/")).parts
                if ".." in parts or member.path.startswith(("/", "\\")) or ":" in member.path:
                    raise refusal(
                        name,
                        "It holds a path that leads out of its folder "
                        f"({member.path[:80]!r}), as only an attacker packs "
                        "it. Trust no file from whoever made it.",
                    )
                if member.path in self._members:
                    raise refusal(name, f"It holds {member.path[:80]!r} twice. Pack or download it again.")
                if "__MACOSX" not in parts:
                    self._members[member.path] = member
        total = sum(member.num_bytes for member in self._members.values())
        if total > min(limits.max_bytes, max(limits.ratio_free_bytes, limits.max_ratio * num_bytes)):
            raise refusal(
                name,
                f"{total / 1e6:,.0f} MB would come out of its {num_bytes / 1e6:,.1f} MB, which is more than a model of "
                "this size may hold: it was refused as an attack.",
            )

    @property
    def paths(self) -> list[str]:
        """The names of its files."""
        return list(self._members)

    def named(self, *names: str) -> str | None:
        """The path of the first file with one of these names, in whichever folder; None: there is none."""
        for name in names:
            for path in self._members:
                if PurePosixPath(path).name.lower() == name:
                    return path
        return None

    def with_suffixes(self, suffixes: tuple[str, ...]) -> list[str]:
        """The paths of the files whose names end so."""
        return [path for path in self._members if path.lower().endswith(suffixes)]

    def read(self, path: str, *, max_bytes: int = MAX_BYTES) -> bytes:
        """A small file whole.

        Raises:
            ForeignModelError: it is larger, damaged, locked, or packed as only an attacker packs it.
        """
        target = io.BytesIO()
        self._copy(path, target, max_bytes)
        return target.getvalue()

    def extract(self, path: str, target: Path, *, max_bytes: int) -> None:
        """Write a file to the disk; raises like `read`."""
        with target.open("xb") as file:
            self._copy(path, file, max_bytes)

    def _copy(self, path: str, target: BinaryIO, max_bytes: int) -> None:
        num_bytes = 0
        with self._refusing(path):
            for chunk in self._member(path).chunks():
                num_bytes += len(chunk)
                if num_bytes > max_bytes:
                    raise refusal(
                        self.name,
                        f"{path[:80]} has more than {max_bytes / 1e6:,.0f} MB, which is the most that is read.",
                    )
                target.write(chunk)

    def _member(self, path: str) -> Member:
        if path not in self._members:
            raise refusal(self.name, f"It is not whole: {path} is missing. Copy or download it again.")
        member = self._members[path]
        if member.refusal is not None:
            raise refusal(self.name, f"{path[:80]}: {member.refusal}")
        return member

    @contextmanager
    def _refusing(self, path: str = "") -> Iterator[None]:
        try:
            yield
        except (BrokenArchiveError, BrokenMemberError) as exc:
            what = f" ({path[:80]})" if path else ""
            raise refusal(self.name, f"It is damaged{what}. Copy or download it again.") from exc
        except ArchiveError as exc:
            raise refusal(
                self.name,
                "It grows far beyond its size when it is unpacked, has too many files, or files that overlap: it was "
                "refused as an attack.",
            ) from exc


@dataclass(frozen=True, slots=True, kw_only=True)
class Brought:
    """What was brought, sorted out: one model as a file of its own, and what came with it."""

    path: Path  # of the model
    name: str  # of the model's file, for messages
    labels: tuple[str, bytes] | None  # name and content of the file with the class names
    beside: tuple[str, ...]  # names of all files beside it in its zip, in small letters, without folders
    description: bytes | None  # `model.json` of the zip


def sort_out(files: Sequence[tuple[Path, str]], workplace: Path, *, max_bytes: int) -> Brought:
    """Find the model among what somebody brought, take it out of its zip, and the list of class names likewise.

    Args:
        files: where each is, and what the person calls it.
        workplace: folder into which a model out of a zip is put.
        max_bytes: of a model.

    Raises:
        ForeignModelError: there is no model, there are several, or something else is wrong with the files.
    """
    labels = [each for each in files if PurePosixPath(each[1].lower()).suffix in LABEL_SUFFIXES]
    models = [each for each in files if each not in labels]
    if len(models) != 1:
        found = f"{len(models)} models ({', '.join(name for _, name in models)})" if models else "no model"
        raise ForeignModelError(f"There is {found} among the files; one was expected: {WANTED}.")
    if len(labels) > 1:
        raise ForeignModelError(
            f"There are {len(labels)} lists of class names ({', '.join(name for _, name in labels)}). Bring the one "
            "that belongs to the model."
        )
    ((path, name),) = models
    given = next(((label_name, label_path.read_bytes()[: MAX_BYTES + 1]) for label_path, label_name in labels), None)
    head = head_of(path)
    if is_hdf5(head) or is_litert(head):
        return Brought(path=path, name=name, labels=given, beside=(), description=None)
    if not is_zip(head):
        raise unreadable(head, name)
    with path.open("rb") as file:
        archive = OpenZip(file, name, _MAX_GROWTH * max_bytes)
        if is_keras_archive(archive):
            return Brought(path=path, name=name, labels=given, beside=(), description=None)
        inner = _model_in(archive)
        target = workplace / "brought"
        archive.extract(inner, target, max_bytes=max_bytes)
        labels_path = archive.named(*_LABEL_NAMES)
        if given is None and labels_path is not None:
            given = PurePosixPath(labels_path).name, archive.read(labels_path)
        description = archive.named(_DESCRIPTION)
        return Brought(
            path=target,
            name=PurePosixPath(inner).name,
            labels=given,
            beside=tuple(PurePosixPath(each).name.lower() for each in archive.paths),
            description=None if description is None else archive.read(description),
        )


def head_of(path: Path) -> bytes:
    """The first bytes of a file."""
    with path.open("rb") as file:
        return file.read(_HEAD_BYTES)


def is_keras_archive(archive: OpenZip) -> bool:
    """Whether a zip is a `.keras` file."""
    return {KERAS_CONFIG, KERAS_WEIGHTS} <= set(archive.paths)


def holds_hdf5_model(path: Path, name: str, *, max_bytes: int) -> bool:
    """Whether a file is an old model of Keras (`.h5`), or a zip with one; what cannot be told is no.

    Args:
        path: the file.
        name: for messages.
        max_bytes: of a model.
    """
    head = head_of(path)
    if is_hdf5(head):
        return True
    if not is_zip(head):
        return False
    try:
        with path.open("rb") as file:
            archive = OpenZip(file, name, _MAX_GROWTH * max_bytes)
            return not is_keras_archive(archive) and _model_in(archive).lower().endswith(_HDF5_SUFFIXES)
    except ForeignModelError:
        return False  # reading it says why


def _model_in(archive: OpenZip) -> str:
    paths = archive.with_suffixes(MODEL_SUFFIXES)
    if not paths:
        raise empty_of_models(archive.paths, archive.name)
    if len(paths) > 1:
        listed = ", ".join(PurePosixPath(path).name for path in paths[:5])
        raise refusal(archive.name, f"It holds {len(paths)} models ({listed}). Bring one of them with its labels.")
    return paths[0]
