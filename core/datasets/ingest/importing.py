"""The work of an import: find out what there is and where it belongs, store the photos, and add all of them at once.

Runs in a worker process, as the task kind `import_photos`. Until the one transaction at the end the dataset does not
change: an import that is cancelled, fails, or is killed together with its worker leaves no image, only photo files that
nothing refers to, which the clean-up of unused photos deletes. The same transaction marks the import as done, so that
no second try can add the photos again.
"""

import functools
import itertools
import time
import unicodedata
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from core.datasets.archives.name_encodings import NameEncodings
from core.datasets.ingest.desk import remove_import_files
from core.datasets.ingest.gathering import Gathered, gather
from core.datasets.ingest.joint_decision import JointDecision
from core.datasets.ingest.parts import Listing, Part, merged_encodings, service_note
from core.datasets.ingest.places import work_path
from core.datasets.ingest.requests import ImportRequest
from core.datasets.ingest.workplace import Workplace
from core.datasets.library import Library
from core.datasets.manifest import ManifestRow, read_manifest
from core.datasets.readings.listing import MANIFEST_NAME, ListedFile, kind_beside
from core.datasets.readings.plan import ImportPlan, PlanAnswer, PlanQuestion, apply_answer, plan_import
from core.datasets.readings.reading import Reading
from core.datasets.records import ImportState, ImportView, NewImage, Split, SplitOrigin
from core.datasets.sources.source_files import SourceFile
from core.errors import (
    ArchiveError,
    BluetitError,
    ImageError,
    NameRefusedError,
    SourceError,
    StorageError,
    TaskCancelledError,
    TaskLostError,
)
from core.jobs.context import TaskContext
from core.litert.engine import map_streamed
from core.names import clean_name
from core.photos.limits import ImageLimits
from core.photos.record import PhotoRecord
from core.photos.rendering import Rendering
from core.photos.store import PhotoStore, StoredPhoto, encode_photo

# As many refused files are listed by name; all are counted.
MAX_LISTED_REFUSALS = 2_000

# Photos that are written together; a few dozen of them are in memory at a time.
_BATCH_PHOTOS = 32

_NO_CLASS = "It is in no class folder. Move it into one and add it again."


def run_import_task(context: TaskContext) -> None:
    """Handler of the task kind `import_photos`; its payload is `{"import_id": number}`.

    Raises:
        BluetitError: the import as a whole failed; nothing was added.
    """
    database = context.database
    library = Library(database)
    view = library.get_import(int(context.payload["import_id"]))
    if view.state in (ImportState.DONE, ImportState.CANCELLED):
        # An earlier attempt was killed after its last transaction, or somebody cancelled while this one waited.
        remove_import_files(view, context.settings)
        return
    try:
        _Import(context, library, view).run()
    except TaskLostError:
        raise  # another worker has it now, and its files
    except TaskCancelledError:
        _finish(library, view, ImportState.CANCELLED)
        remove_import_files(view, context.settings)
        raise
    except BluetitError as exc:
        if _is_cancelled(library, view):
            remove_import_files(view, context.settings)
            raise TaskCancelledError(f"Import {view.id} was cancelled.") from exc
        # With a full disk even that may fail; the desk then notes it when somebody looks.
        with suppress(StorageError):
            _finish(library, view, ImportState.FAILED)
        raise


def _is_cancelled(library: Library, view: ImportView) -> bool:
    with suppress(StorageError):
        return library.get_import(view.id).state is ImportState.CANCELLED
    return False


def _finish(library: Library, view: ImportView, state: ImportState) -> None:
    library.finish_import(view.id, state=state, refused=(), num_refused=0)


@dataclass(slots=True)
class _Refusals:
    """The refused files: the first of them by name, all of them counted."""

    listed: list[tuple[str, str]] = field(default_factory=list)
    num: int = 0

    def add(self, name: str, reason: str) -> None:
        self.num += 1
        if len(self.listed) < MAX_LISTED_REFUSALS:
            self.listed.append((name, reason))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """Where a photo belongs and what is known about it."""

    class_name: str
    name: str
    split: Split | None
    split_origin: SplitOrigin | None
    capture: str | None
    url: str | None
    may_repeat: bool  # whether the same photo may stand in its class twice under one name: where somebody says so


# A file with its place, or with the reason why it is refused; and its number in the order of reading.
_Numbered = tuple[int, tuple[SourceFile, _Place | str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arrival:
    """A file after it was decoded: its photo, or the reason why it is refused."""

    number: int  # of the file, in the order in which all of them are read
    path: str
    place: _Place | None
    photo: StoredPhoto | None
    reason: str

    @property
    def key(self) -> tuple[str, int]:
        """What a file is known by when it is read a second time."""
        return self.path, self.number

    @property
    def is_tentative(self) -> bool:
        """Whether it is sure to look different when all other pictures are known."""
        return self.photo is not None and self.photo.facts.rendering.is_tentative


class _Import:
    """One attempt at an import."""

    def __init__(self, context: TaskContext, library: Library, view: ImportView) -> None:
        self._context = context
        self._settings = context.settings
        self._library = library
        self._view = view
        self._request = ImportRequest.from_json(view.request)
        self._store = PhotoStore(self._settings.photos_path, self._settings.cache_path)
        self._limits = ImageLimits(max_bytes=self._settings.max_photo_bytes, max_pixels=self._settings.max_photo_pixels)
        self._refusals = _Refusals()
        self._encodings: NameEncodings | None = None  # how names were read that do not say their character set
        self._notes: list[str] = []  # for the report: what was understood, scaled or left out

    def run(self) -> None:
        _finish(self._library, self._view, ImportState.WAITING)  # forgets what an earlier attempt has noted
        self._context.check_cancelled()
        self._context.report(None, "Looking what there is")
        workplace = Workplace(
            settings=self._settings,
            folder=work_path(self._view.id, self._settings),
            report=self._report_fetching,
            check_cancelled=self._context.check_cancelled,
        )
        gathered = gather(self._request, workplace)
        self._notes += gathered.notes
        for name, reason in gathered.refused:
            self._refusals.add(name, reason)
        listing = self._list(gathered)
        plan = _Placing(self._request, self._capture_label())
        question = plan.read(gathered.name, listing, self._encodings)
        self._notes += plan.notes
        if question is not None:
            self._library.finish_import(
                self._view.id,
                state=ImportState.QUESTION,
                refused=self._refusals.listed,
                num_refused=self._refusals.num,
                question=question.to_json(),
                notes=self._notes,
            )
            return
        images = self._store_photos(listing, plan)
        self._add(images, plan.class_names())
        remove_import_files(self._view, self._settings)

    def _report_fetching(self, fraction: float | None, message: str) -> None:
        self._context.report(fraction and fraction * self._fetch_share, message)

    @property
    def _fetch_share(self) -> float:
        """Part of the progress bar that fetching takes."""
        return 0.5 if self._request.source.is_fetched else 0.0

    def _list(self, gathered: Gathered) -> list["_ListedPart"]:
        """What is in each part; one archive of several that cannot be read does not stop the others."""
        listing: list[_ListedPart] = []
        listings: list[Listing] = []
        errors: list[ArchiveError] = []
        for prefix, part in gathered.parts:
            self._context.check_cancelled()
            try:
                found = part.list_files()
            except ArchiveError as exc:
                errors.append(exc)
                self._refusals.add(part.name, str(exc))
            else:
                listings.append(found)
                listing.append(_ListedPart(prefix=prefix, part=part, paths=found.paths))
        if errors and not listing:
            raise errors[0]
        self._encodings = encodings = merged_encodings(listings)
        self._notes += filter(None, [service_note(listings), encodings.note if encodings else None])
        num_files = sum(len(listed.paths) for listed in listing)
        if num_files > self._settings.max_import_photos:
            raise SourceError(
                f"{num_files:,} files were found; one import may bring at most "
                f"{self._settings.max_import_photos:,}. Divide them, or ask the administrator to raise "
                "BLUETIT_MAX_IMPORT_PHOTOS."
            )
        return listing

    def _capture_label(self) -> str | None:
        """A name for photos that were taken together, which no other capture of the dataset has."""
        if not self._request.capture:
            return None
        taken = set(self._library.list_captures(self._view.dataset_id).values())
        label = stem = time.strftime("burst %Y-%m-%d %H:%M:%S", time.localtime(self._view.created_at))
        number = 1
        while label in taken:
            number += 1
            label = f"{stem} ({number})"
        return label

    def _store_photos(self, listing: Sequence["_ListedPart"], plan: "_Placing") -> list[NewImage]:
        """Decode, measure and store every photo; all that stays in memory is one record each."""
        images: list[NewImage] = []
        records: dict[str, PhotoRecord] = {}
        num_files = sum(len(listed.paths) for listed in listing)
        may_repeat: list[bool] = []  # of each of `images`
        num_seen = 0
        joint = JointDecision()
        files = enumerate(plan.place(listing))
        arrivals = map_streamed(self._decode, files, num_threads=self._settings.num_inference_threads)
        for batch in _batched(arrivals, _BATCH_PHOTOS):
            self._context.check_cancelled()
            self._keep(arrival.photo for arrival in batch if arrival.photo is not None and not arrival.is_tentative)
            for arrival in batch:
                if arrival.photo is None or arrival.place is None:
                    self._refusals.add(arrival.path, arrival.reason)
                else:
                    joint.add(arrival.key, len(images), arrival.photo.facts)
                    record = records.setdefault(arrival.photo.record.hash, arrival.photo.record)
                    images.append(_new_image(record, arrival.place))
                    may_repeat.append(arrival.place.may_repeat)
            num_seen += len(batch)
            self._report_storing(num_seen, max(num_files, num_seen))
        final = self._decode_again(images, joint, enumerate(plan.place(listing)))
        self._notes += joint.tell()
        once = _without_repeated(zip(final, may_repeat, strict=True))
        num_again = sum(image is not None for image in final) - len(once)
        if num_again:
            self._notes.append(_again_note(num_again))
        return once

    def _decode_again(
        self, images: Sequence[NewImage], joint: JointDecision, files: Iterable[_Numbered]
    ) -> list[NewImage | None]:
        """Read those pictures a second time that have to be shown as all others are, not as fits them alone.

        In the place of one that could not be read a second time stands None.
        """
        rendering = joint.decide()
        num_again = joint.num_to_repeat
        if num_again == 0:
            return list(images)
        decode = functools.partial(self._decode, rendering=rendering)
        # No further than to the last of them.
        chosen = itertools.islice((item for item in files if joint.is_to_repeat((item[1][0].path, item[0]))), num_again)
        kept: list[NewImage | None] = list(images)
        num_seen = 0
        arrivals = map_streamed(decode, chosen, num_threads=self._settings.num_inference_threads)
        for batch in _batched(arrivals, _BATCH_PHOTOS):
            self._context.check_cancelled()
            self._keep(arrival.photo for arrival in batch if arrival.photo is not None)
            for arrival in batch:
                if arrival.photo is not None and arrival.place is not None:
                    index = joint.repeated(arrival.key, arrival.photo.facts)
                    kept[index] = _new_image(arrival.photo.record, arrival.place)
            num_seen += len(batch)
            self._context.report(None, f"Bringing {num_seen:,} of {num_again:,} pictures to the same scale")
        for path, index in joint.not_repeated():
            kept[index] = None
            self._refusals.add(path, "It could not be read a second time. Add it again.")
        return kept

    def _decode(self, item: _Numbered, *, rendering: Rendering | None = None) -> _Arrival:
        number, (file, place) = item
        if isinstance(place, str):
            return _Arrival(number=number, path=file.path, place=None, photo=None, reason=place)
        try:
            photo = encode_photo(file.data or b"", place.name, self._limits, rendering=rendering)
        except ImageError as exc:
            return _Arrival(number=number, path=file.path, place=place, photo=None, reason=str(exc))
        return _Arrival(number=number, path=file.path, place=place, photo=photo, reason="")

    def _keep(self, photos: Iterable[StoredPhoto]) -> None:
        batch = list(photos)
        # Known first, stored then: the clean-up of unused photos spares what has become known just now.
        self._library.add_photos([photo.record for photo in batch])
        for photo in batch:
            self._store.put(photo)

    def _report_storing(self, num_seen: int, num_files: int) -> None:
        refused = f", {self._refusals.num:,} refused" if self._refusals.num else ""
        fraction = self._fetch_share + (1 - self._fetch_share) * num_seen / num_files
        self._context.report(fraction, f"Read {num_seen:,} of {num_files:,} files{refused}")

    def _add(self, images: Sequence[NewImage], class_names: Sequence[str]) -> None:
        # Before the transaction that ends the import, so that a worker that is killed between the two loses nothing.
        self._library.finish_import(
            self._view.id,
            state=ImportState.WAITING,
            refused=self._refusals.listed,
            num_refused=self._refusals.num,
            notes=self._notes,
        )
        self._context.check_cancelled()
        self._library.add_images(self._view.dataset_id, images, import_id=self._view.id, class_names=class_names)


@dataclass(frozen=True, slots=True, kw_only=True)
class _ListedPart:
    prefix: str
    part: Part
    paths: tuple[str, ...]  # without the prefix


# What of tables and sidecars is held in memory at a time.
_MAX_CONTENT_BYTES = 200_000_000
_NUM_KINDS_NAMED = 6


class _Placing:
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

    def read(self, name: str, listing: Sequence[_ListedPart], names: NameEncodings | None) -> PlanQuestion | None:
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

    def place(self, listing: Sequence[_ListedPart]) -> Iterator[tuple[SourceFile, _Place | str]]:
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

    def _read_manifests(self, listed: _ListedPart) -> None:
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

    def _place_of(self, path: str, file: SourceFile) -> _Place | str:
        row = self._row_of(path)
        split, origin = self._split_of(path, row)
        class_name = self._class_of(path, row)
        if class_name is None:
            return self._refused.get(path, _NO_CLASS)
        reason = self._class_refusal(class_name)
        if reason is not None:
            return reason
        return _Place(
            class_name=class_name,
            name=row.name if row else path.rpartition("/")[2],
            split=split,
            split_origin=origin,
            capture=self._capture or (row.capture if row else None) or None,
            url=file.url or (row.source_url if row else None) or None,
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


def _read_contents(listing: Sequence[_ListedPart], wanted: Collection[str]) -> dict[str, bytes]:
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


def _again_note(num_again: int) -> str:
    if num_again == 1:
        return "1 photo came twice, the same under the same name in the same class: it was added once."
    return f"{num_again:,} photos came twice, the same under the same name in the same class: each was added once."


def _is_manifest(path: str) -> bool:
    return path.rpartition("/")[2].casefold() == MANIFEST_NAME


def _without_repeated(images: Iterable[tuple[NewImage | None, bool]]) -> list[NewImage]:
    """Each photo once that came several times under one name in one class, unless somebody has said that it may."""
    known: set[tuple[str, str, Split | None, str]] = set()
    once = []
    for image, may_repeat in images:
        if image is None:
            continue
        identity = (image.photo.hash, image.class_name, image.split, image.name)
        if may_repeat or identity not in known:
            once.append(image)
        known.add(identity)
    return once


def _new_image(record: PhotoRecord, place: _Place) -> NewImage:
    return NewImage(
        photo=record,
        class_name=place.class_name,
        name=place.name,
        split=place.split,
        split_origin=place.split_origin,
        capture=place.capture,
        source_url=place.url,
    )


def _batched(arrivals: Iterable[_Arrival], num: int) -> Iterator[list[_Arrival]]:
    batch: list[_Arrival] = []
    for arrival in arrivals:
        batch.append(arrival)
        if len(batch) == num:
            yield batch
            batch = []
    if batch:
        yield batch
