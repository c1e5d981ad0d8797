"""Where each photo of an import belongs: what the manifest says, then the reading that was chosen."""

import unicodedata
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from core.datasets.archives.name_encodings import NameEncodings
from core.datasets.ingest.parts import Part
from core.datasets.manifest import ManifestRow, read_manifest
from core.datasets.readings.listing import MANIFEST_NAME, ListedFile, kind_beside
from core.datasets.readings.plan import ImportPlan, apply_answer, plan_import
from core.datasets.readings.question import PlanAnswer, PlanQuestion
from core.datasets.readings.reading import Reading
from core.datasets.records import Review, Split, SplitOrigin
from core.datasets.sources.requests import ImportRequest
from core.datasets.sources.source_files import SourceFile
from core.errors import NameRefusedError, SourceError
from core.names import clean_name

# What of tables and sidecars is held in memory at a time.
_MAX_CONTENT_BYTES = 200_000_000
_NUM_KINDS_NAMED = 6
_NO_CLASS = "It is in no class folder. Move it into one and add it again."


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedPart:
    """A folder, archive or the like of an import, with the files that were found in it."""

    prefix: str
    part: Part
    paths: tuple[str, ...]  # without the prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a photo belongs and what is known about it."""

    class_name: str
    name: str
    split: Split | None
    split_origin: SplitOrigin | None
    capture: str | None
    url: str | None
    review: Review | None  # what was said of it in this class where it comes from
    may_repeat: bool  # whether the same photo may stand in its class twice under one name: where somebody says so


class Placing:
    """Says of each file where it belongs: the manifest first, then the reading that was chosen."""

    def __init__(self, request: ImportRequest, capture: str | None) -> None:
        self._request = request
        self._capture = capture
        self._rows: dict[str, ManifestRow] = {}  # by path, the part's prefix included
        self._class_names: list[str] = []  # as the manifests list them
        self._reading: Reading | None = None
        self._refused: dict[str, str] = {}
        self._passed_over: frozenset[str] = frozenset()
        self._bad_classes: dict[str, str] = {}  # name to the reason why no class can have it
        self.notes: list[str] = []  # sentences for the report

    def read(self, name: str, listing: Sequence[ListedPart], names: NameEncodings | None) -> PlanQuestion | None:
        """Work out what manifests, folders, names and tables say; the question if a person must decide something.

        Raises:
            SourceError: nothing of it can be imported.
        """
        for listed in listing:
            self._read_manifests(listed)
        paths = [listed.prefix + path for listed in listing for path in listed.paths]
        plan = plan_import(
            [path for path in paths if self._row_of(path) is None],
            name,
            lambda wanted: _read_contents(listing, wanted),
            archive_folders=frozenset(listed.prefix.rstrip("/") for listed in listing if listed.prefix),
            names=names if self._request.name_encoding is None else None,
        )
        if self._request.target_class is not None:
            # Everything that came goes there, and is tried; folders tell the split alone.
            self._reading = plan.readings[0] if plan.readings else None
            return None
        if plan.refusal is not None and not self._rows:
            raise SourceError(plan.refusal)
        if plan.question is not None and self._request.answer is None:
            return plan.question
        self._decide(plan)
        return None

    def _decide(self, plan: ImportPlan) -> None:
        answer = None if self._request.answer is None else PlanAnswer.from_json(self._request.answer)
        self._refused = dict(plan.refused)
        passed_over = list(plan.beside)
        if plan.readings:
            self._reading = apply_answer(plan, answer)
            self._refused |= self._reading.left_out
            passed_over = [file for file in passed_over if file.path not in self._reading.used_beside]
            if self._reading.note:
                self.notes.append(self._reading.note)
        self._passed_over = frozenset(file.path for file in plan.beside)
        if passed_over:
            self.notes.append(_passed_over_note(passed_over))

    def place(self, listing: Sequence[ListedPart]) -> Iterator[tuple[SourceFile, Place | str]]:
        """Every file with its place, or with the reason why it is refused; one file is in memory at a time."""
        for listed in listing:
            for file in listed.part.read_files():
                path = listed.prefix + file.path
                if not _is_manifest(path) and path not in self._passed_over:
                    yield file, file.reason or self._place_of(path, file)

    def class_names(self) -> list[str]:
        """The classes that the manifests list, empty ones too; those with a name that cannot be are left out."""
        if self._request.target_class is not None:
            return []
        return [name for name in self._class_names if self._class_refusal(name) is None]

    def _read_manifests(self, listed: ListedPart) -> None:
        paths = [path for path in listed.paths if _is_manifest(path)]
        for file in listed.part.read_some(paths) if paths else ():
            if file.data is not None:
                folder = listed.prefix + file.path[: -len(MANIFEST_NAME)]
                manifest = read_manifest(file.data.decode("utf-8-sig", errors="replace"))
                self._class_names += manifest.class_names
                self._rows.update(
                    {unicodedata.normalize("NFC", folder + row_path): row for row_path, row in manifest.rows.items()}
                )

    def _row_of(self, path: str) -> ManifestRow | None:
        # Manifests have composed accents, whatever the archive has.
        return self._rows.get(unicodedata.normalize("NFC", path))

    def _place_of(self, path: str, file: SourceFile) -> Place | str:
        row = self._row_of(path)
        split, origin = self._split_of(path, row)
        class_name = self._class_of(path, row)
        if class_name is None:
            return self._refused.get(path, _NO_CLASS)
        reason = self._class_refusal(class_name)
        if reason is not None:
            return reason
        return Place(
            class_name=class_name,
            name=row.name if row else path.rpartition("/")[2],
            split=split,
            split_origin=origin,
            capture=self._capture or (row.capture if row else None) or None,
            url=file.url or (row.source_url if row else None) or None,
            review=row.review if row and row.class_name == class_name else None,
            may_repeat=row is not None or self._request.target_class is not None,
        )

    def _class_of(self, path: str, row: ManifestRow | None) -> str | None:
        if self._request.target_class is not None:
            return self._request.target_class
        if row is not None:
            return row.class_name
        placement = self._reading.placements.get(path) if self._reading else None
        return placement.class_name if placement else None

    def _split_of(self, path: str, row: ManifestRow | None) -> tuple[Split | None, SplitOrigin | None]:
        if not self._request.keep_splits:
            return None, None
        if row is not None:
            return row.split, row.split_origin if row.split else None
        placement = self._reading.placements.get(path) if self._reading else None
        split = placement.split if placement else None
        return split, SplitOrigin.IMPORTED if split else None

    def _class_refusal(self, class_name: str) -> str | None:
        """Why no class can have this name; found out before the photos are stored, not at the end of the import."""
        if class_name not in self._bad_classes:
            try:
                clean_name(class_name, "class")
                self._bad_classes[class_name] = ""
            except NameRefusedError as exc:
                self._bad_classes[class_name] = str(exc)
        return self._bad_classes[class_name] or None


def _read_contents(listing: Sequence[ListedPart], wanted: Collection[str]) -> dict[str, bytes]:
    """The bytes of some files, as far as they can be read and held in memory."""
    contents: dict[str, bytes] = {}
    num_bytes = 0
    for listed in listing:
        paths = [path for path in listed.paths if listed.prefix + path in wanted]
        for file in listed.part.read_some(paths) if paths else ():
            if file.data is not None and num_bytes + len(file.data) <= _MAX_CONTENT_BYTES:
                contents[listed.prefix + file.path] = file.data
                num_bytes += len(file.data)
    return contents


def _passed_over_note(files: Sequence[ListedFile]) -> str:
    """What lay beside the photos, by kind; what may hold pictures is named with the way to use them."""
    kinds = Counter(kind_beside(file) for file in files)
    named = [f"{num:,} {kind.one if num == 1 else kind.many}" for kind, num in kinds.most_common(_NUM_KINDS_NAMED)]
    more = ["…"] if len(kinds) > _NUM_KINDS_NAMED else []
    many = "1 file that is no photo was" if len(files) == 1 else f"{len(files):,} files that are no photos were"
    note = f"{many} passed over: {', '.join(named + more)}."
    has_pictures = any(kind.holds_pictures for kind in kinds)
    return f"{note} To use a picture in them, save it as JPEG or PNG and add that." if has_pictures else note


def _is_manifest(path: str) -> bool:
    return path.rpartition("/")[2].casefold() == MANIFEST_NAME
