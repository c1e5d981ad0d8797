"""The photos of an import on their way to the disk: decoded, measured, stored, and brought to one scale.

Photos that are written and become no image of the dataset are deleted by the clean-up of unused photos.
"""

import functools
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from core.datasets.ingest.joint_decision import JointDecision
from core.datasets.ingest.placing import ListedPart, Place, Placing
from core.datasets.ingest.refusals import Refusals
from core.datasets.library import Library
from core.datasets.records import NewImage, Split
from core.datasets.sources.source_files import SourceFile
from core.errors import ImageError
from core.faces.blur import FaceCover
from core.jobs.context import TaskContext
from core.litert.engine import map_streamed
from core.photos.limits import ImageLimits
from core.photos.record import PhotoRecord
from core.photos.rendering import Rendering
from core.photos.store import PhotoStore, StoredPhoto, encode_photo
from core.storage.own_use import RoomForPhotos

# Photos that are written together; a few dozen of them are in memory at a time.
_BATCH_PHOTOS = 32
# A file with its place, or with the reason why it is refused; and its number in the order of reading.
_Numbered = tuple[int, tuple[SourceFile, Place | str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Arrival:
    """A file after it was decoded: its photo, or the reason why it is refused."""

    number: int  # of the file, in the order in which all of them are read
    path: str
    place: Place | None
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


class Storing:
    """Stores the photos of one import."""

    def __init__(
        self,
        context: TaskContext,
        library: Library,
        refusals: Refusals,
        *,
        first_fraction: float,
        blurs_faces: bool = False,
    ) -> None:
        """Take what it works with.

        Args:
            context: of the task, told how far it is.
            library: where photos become known.
            refusals: gets the files that cannot be used.
            first_fraction: part of the progress bar that lies behind, 0-1.
            blurs_faces: whether faces are blurred before a photo is stored.
        """
        self._context = context
        self._settings = context.settings
        self._library = library
        self._refusals = refusals
        self._first_fraction = first_fraction
        self._store = PhotoStore.of(self._settings)
        self._limits = ImageLimits(max_bytes=self._settings.max_photo_bytes, max_pixels=self._settings.max_photo_pixels)
        self._cover = FaceCover() if blurs_faces else None
        self.notes: list[str] = []  # sentences for the report

    def store(self, listing: Sequence[ListedPart], placing: Placing) -> list[NewImage]:
        """Decode, measure and store every photo; all that stays in memory is one record each.

        Args:
            listing: what has arrived.
            placing: says of each file where it belongs.

        Returns:
            What is to be added to the dataset.

        Raises:
            TaskCancelledError: somebody does not want the import any more.
            StorageError: there is no room for the photos.
            LimitReachedError: there is no room in the space for a single one.
        """
        images: list[NewImage] = []
        records: dict[str, PhotoRecord] = {}
        num_files = sum(len(listed.paths) for listed in listing)
        may_repeat: list[bool] = []  # of each of `images`
        num_seen = num_blurred = 0
        joint = JointDecision()
        files = enumerate(placing.place(listing))
        arrivals = map_streamed(self._decode, files, num_threads=self._settings.num_inference_threads)
        room = RoomForPhotos(self._context.database)
        for found in _batched(arrivals, _BATCH_PHOTOS):
            self._context.check_cancelled()
            batch = list(itertools.takewhile(lambda arrival: self._has_room(arrival, room), found))
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
            num_blurred += sum(arrival.photo is not None and arrival.photo.is_retouched for arrival in batch)
            self._report_storing(num_seen, max(num_files, num_seen))
            if room.is_full:
                self.notes.append(_full_note(len(images), num_files - num_seen, room))
                arrivals.close()
                break
        room.refuse_if_nothing_came(len(images))
        final = self._decode_again(images, joint, enumerate(placing.place(listing)))
        self.notes += joint.tell()
        if self._cover is not None:
            self.notes.append(_blur_note(num_blurred, len(images)))
        once = _without_repeated(zip(final, may_repeat, strict=True))
        num_again = sum(image is not None for image in final) - len(once)
        if num_again:
            self.notes.append(_again_note(num_again))
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

    def _has_room(self, arrival: _Arrival, room: RoomForPhotos) -> bool:
        """Whether the space has room for a file's photo, which takes its part of it; a refused file needs none."""
        if arrival.photo is None or arrival.place is None:
            return not room.is_full
        return room.take(arrival.photo.record.hash, arrival.photo.record.num_bytes)

    def _decode(self, item: _Numbered, *, rendering: Rendering | None = None) -> _Arrival:
        number, (file, place) = item
        if isinstance(place, str):
            return _Arrival(number=number, path=file.path, place=None, photo=None, reason=place)
        try:
            photo = encode_photo(file.data or b"", place.name, self._limits, rendering=rendering, retouch=self._cover)
        except ImageError as exc:
            return _Arrival(number=number, path=file.path, place=place, photo=None, reason=str(exc))
        return _Arrival(number=number, path=file.path, place=place, photo=photo, reason="")

    def _keep(self, photos: Iterable[StoredPhoto]) -> None:
        batch = list(photos)
        # Known first, stored then: the clean-up of unused photos spares what has become known just now.
        self._library.photos.add([photo.record for photo in batch])
        self._store.put(*batch)

    def _report_storing(self, num_seen: int, num_files: int) -> None:
        refused = f", {self._refusals.num:,} refused" if self._refusals.num else ""
        fraction = self._first_fraction + (1 - self._first_fraction) * num_seen / num_files
        self._context.report(fraction, f"Read {num_seen:,} of {num_files:,} files{refused}")


def _blur_note(num_blurred: int, num_photos: int) -> str:
    return (
        f"Faces were looked for on {num_photos:,} photos and blurred on {num_blurred:,}. Small faces, and faces that "
        "are turned away, can be missed: look the photos through."
    )


def _again_note(num_again: int) -> str:
    if num_again == 1:
        return "1 photo came twice, the same under the same name in the same class: it was added once."
    return f"{num_again:,} photos came twice, the same under the same name in the same class: each was added once."


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


def _full_note(num_taken: int, num_left: int, room: RoomForPhotos) -> str:
    taken = "1 photo was" if num_taken == 1 else f"{num_taken:,} photos were"
    left = "1 file was" if num_left == 1 else f"{num_left:,} files were"
    return f"{taken} taken, and {left} left out: the space is full. {room.reason}"


def _new_image(record: PhotoRecord, place: Place) -> NewImage:
    return NewImage(
        photo=record,
        class_name=place.class_name,
        name=place.name,
        split=place.split,
        split_origin=place.split_origin,
        capture=place.capture,
        source_url=place.url,
        review=place.review,
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
