"""The photos that a visitor put on the classify page, and what the backbones said to them.

A batch outlives page changes and browser reloads: it belongs to the server process and is found again by its id. The
photos' files lie in the cache folder; in memory are names and answers only, so that a thousand photos weigh little.
Classifying runs in a thread of the batch, on LiteRT, and is watched through `view`.
"""

import contextlib
import functools
import itertools
import logging
import shutil
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image

from core.errors import BluetitError, ImageTooLargeError
from core.inference.batch_records import Answer, BatchView, GivenPhoto, Intake, Photo, PhotoOrigin
from core.inference.classifier import Classification, Classifier
from core.links.data_address import is_data_address
from core.links.photo import fetch_photo
from core.litert.engine import map_streamed
from core.photos.decode import decode_image
from core.photos.limits import ImageLimits
from core.settings import Settings
from core.storage.files import ensure_free_space, translating_disk_errors

logger = logging.getLogger(__name__)

# Networks whose answers to a batch are kept; each position of a slider that says when a model does not know makes
# another one.
_MAX_NETWORKS = 8
# Visitors' photos never take the last of the disk: the database and the workers need it.
_RESERVED_BYTES = 300_000_000


class PhotoBatch:
    """The photos of one visitor; every method may be called from any thread."""

    def __init__(self, folder: Path, settings: Settings) -> None:
        """Begin an empty batch.

        Args:
            folder: where the photos' files go; its name is the batch's id.
            settings: limits for photos and links.
        """
        self.batch_id = folder.name
        self._folder = folder
        self._settings = settings
        self._lock = threading.Lock()
        self._photos: OrderedDict[int, Photo] = OrderedDict()
        # By the network's fingerprint and photo id; the longest unused networks are forgotten.
        self._classifications: OrderedDict[str, dict[int, Classification]] = OrderedDict()
        self._next_id = 1
        self._num_arriving = 0  # photos whose place is taken and whose file is being written
        self._last_intake: Intake | None = None
        self._run: _Run | None = None

    def add(self, given: Sequence[GivenPhoto]) -> Intake:
        """Take in what fits; a file that is too large or finds no room on the disk is listed with the reason."""
        with self._lock:
            free = self._settings.max_photos_per_batch - len(self._photos) - self._num_arriving
            fitting = given[: max(0, free)]
            first_id = self._next_id
            self._next_id += len(fitting)
            self._num_arriving += len(fitting)
        photos = []
        for photo_id, each in enumerate(fitting, start=first_id):
            photo = self._take_in(photo_id, each)
            photos.append(photo)
            with self._lock:
                self._num_arriving -= 1
                self._photos[photo_id] = photo
        num_refused = sum(photo.error is not None for photo in photos)
        intake = Intake(
            num_given=len(given),
            num_taken=len(photos) - num_refused,
            num_refused=num_refused,
            no_room=tuple(each.name for each in given[len(fitting) :]),
        )
        with self._lock:
            self._last_intake = intake
        return intake

    @property
    def last_intake(self) -> Intake | None:
        """What became of the photos that were given last; None when the batch has been cleared since."""
        with self._lock:
            return self._last_intake

    def add_file(self, name: str, data: bytes, origin: PhotoOrigin) -> Intake:
        """Take in a photo's file."""
        return self.add([GivenPhoto(name=name, origin=origin, data=data)])

    def add_link(self, link: str) -> Intake:
        """Take in a link; it is read when its turn to be classified comes."""
        name = link.split("?")[0].rstrip("/").rsplit("/", 1)[-1] or link
        if is_data_address(link):
            name = "pasted picture"
        return self.add([GivenPhoto(name=name, origin=PhotoOrigin.LINK, link=link)])

    @property
    def num_taken(self) -> int:
        """Photos taken in since the batch began, removed ones included."""
        with self._lock:
            return self._next_id - 1

    def remove(self, photo_id: int) -> None:
        """Take a photo out; unknown ids are ignored, so that two impatient clicks do no harm."""
        with self._lock:
            photo = self._photos.pop(photo_id, None)
            for said in self._classifications.values():
                said.pop(photo_id, None)
        if photo and photo.path:
            _delete(photo.path)

    def clear(self) -> None:
        """Stop, and take all photos out."""
        self.stop()
        with self._lock:
            self._photos.clear()
            self._classifications.clear()
            self._last_intake = None
            shutil.rmtree(self._folder, ignore_errors=True)  # nothing refers to it any more

    def start(self, classifier: Classifier) -> None:
        """Classify what this backbone has not seen yet; does nothing if that is under way."""
        with self._lock:
            fingerprint = classifier.fingerprint
            self._classifications.setdefault(fingerprint, {})
            self._classifications.move_to_end(fingerprint)
            while len(self._classifications) > _MAX_NETWORKS:
                forgotten, _ = self._classifications.popitem(last=False)
                if self._run and self._run.fingerprint == forgotten:
                    self._run.stopping.set()  # or it would never be done
            is_under_way = self._run and self._run.is_active and self._run.fingerprint == fingerprint
            if is_under_way or not self._waiting_for(classifier):
                return
            if self._run:
                self._run.stopping.set()
            self._run = _Run(classifier, self._classify_waiting)

    def stop(self) -> None:
        """Stop after the photos that are being classified right now."""
        with self._lock:
            if self._run:
                self._run.stopping.set()

    def view(self, fingerprint: str) -> BatchView:
        """The batch as the backbone with this artefact fingerprint sees it."""
        with self._lock:
            said = self._classifications.get(fingerprint, {})
            answers = tuple(
                Answer(photo=photo, classification=said.get(photo.photo_id)) for photo in self._photos.values()
            )
            run = self._run
        is_running = bool(run and run.is_active and run.fingerprint == fingerprint)
        num_waiting = sum(answer.is_waiting for answer in answers)
        seconds_left = run.seconds_left(num_waiting) if run and is_running else None
        return BatchView(answers=answers, is_running=is_running, seconds_left=seconds_left)

    def read(self, photo_id: int) -> bytes:
        """The file of a photo.

        Raises:
            StorageError: it has been removed meanwhile.
        """
        with self._lock:
            photo = self._photos.get(photo_id)
        path = photo.path if photo and photo.path else self._folder / str(photo_id)
        with translating_disk_errors(self._folder):
            return path.read_bytes()

    def open_image(self, photo_id: int, name: str, *, shortest_side_px: int) -> Image.Image:
        """A photo as an upright RGB image, a JPEG decoded no larger than is useful.

        Raises:
            StorageError: it has been removed meanwhile.
            ImageError: it cannot be used.
        """
        limits = ImageLimits(max_bytes=self._settings.max_photo_bytes, max_pixels=self._settings.max_photo_pixels)
        return decode_image(self.read(photo_id), name, limits=limits, shortest_side_px=shortest_side_px)

    def _take_in(self, photo_id: int, given: GivenPhoto) -> Photo:
        photo = Photo(photo_id=photo_id, name=given.name, origin=given.origin, link=given.link)
        if given.refusal:
            return replace(photo, error=given.refusal)
        if given.link is not None:
            return photo
        try:
            return replace(photo, path=self._store(photo_id, given.name, given.data))
        except BluetitError as exc:
            return replace(photo, error=str(exc))

    def _store(self, photo_id: int, name: str, data: bytes) -> Path:
        limit = self._settings.max_photo_bytes
        if len(data) > limit:
            raise ImageTooLargeError(
                f"{name} has {len(data) / 1e6:.0f} MB; photos up to {limit / 1e6:.0f} MB are read. "
                "Save it smaller, as JPEG for example."
            )
        path = self._folder / str(photo_id)
        ensure_free_space(self._folder, len(data) + _RESERVED_BYTES)
        with translating_disk_errors(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        return path

    def _classify_waiting(self, run: "_Run") -> None:
        """Body of the batch's thread: until nothing waits or somebody stops it."""
        num_threads = self._settings.num_inference_threads
        while waiting := self._waiting_or_end(run):
            photos = itertools.takewhile(lambda _: not run.stopping.is_set(), waiting)
            classify = functools.partial(self._classify_one, run=run, is_alone=len(waiting) == 1)
            for _ in map_streamed(classify, photos, num_threads=num_threads):
                run.num_finished += 1

    def _waiting_or_end(self, run: "_Run") -> list[Photo]:
        """Photos that wait; none ends the run, under the lock, so that `start` never misses a photo added just now."""
        with self._lock:
            waiting = self._waiting_for(run.classifier)
            if not waiting or run.stopping.is_set():
                run.has_ended = True
                return []
            return waiting

    def _waiting_for(self, classifier: Classifier) -> list[Photo]:
        """Photos that a classifier has not seen yet; the caller holds the lock."""
        said = self._classifications.get(classifier.fingerprint, {})
        return [photo for photo in self._photos.values() if photo.error is None and photo.photo_id not in said]

    def _classify_one(self, photo: Photo, *, run: "_Run", is_alone: bool) -> None:
        try:
            if photo.link is not None and photo.path is None:
                fetched = fetch_photo(photo.link, self._settings, cancelled=run.stopping.is_set)
                photo = replace(photo, name=fetched.name, path=self._store(photo.photo_id, fetched.name, fetched.data))
            with translating_disk_errors(self._folder):
                data = photo.path.read_bytes() if photo.path else b""
            classification = run.classifier.classify(data, photo.name, is_alone=is_alone)
        except BluetitError as exc:
            if run.stopping.is_set():
                return  # a reading that was broken off is no fault of the photo
            self._settle(replace(photo, error=str(exc)))
            return
        except Exception:
            # A bug that one photo meets must neither stop the others nor be met for ever.
            logger.exception("Classifying %s failed", photo.name)
            self._settle(replace(photo, error=f"{photo.name} could not be classified; the app's log says why."))
            return
        self._settle(photo, run.fingerprint, classification)

    def _settle(self, photo: Photo, fingerprint: str = "", classification: Classification | None = None) -> None:
        """Keep what was learned of a photo, unless it was taken out meanwhile."""
        with self._lock:
            if photo.photo_id in self._photos:
                self._photos[photo.photo_id] = photo
                # Other networks may have taken the place of this one's answers; then it has been stopped as well.
                if classification is not None and fingerprint in self._classifications:
                    self._classifications[fingerprint][photo.photo_id] = classification
                return
        if photo.path:
            _delete(photo.path)


class _Run:
    """One thread that classifies what waits."""

    def __init__(self, classifier: Classifier, work: Callable[["_Run"], None]) -> None:
        self.classifier = classifier
        self.fingerprint = classifier.fingerprint
        self.stopping = threading.Event()
        self.has_ended = False
        self.num_finished = 0
        self._started = time.monotonic()
        self._thread = threading.Thread(target=work, args=(self,), name="classify-batch", daemon=True)
        self._thread.start()

    @property
    def is_active(self) -> bool:
        return not self.has_ended and not self.stopping.is_set() and self._thread.is_alive()

    def seconds_left(self, num_waiting: int) -> float | None:
        if not self.num_finished:
            return None
        return num_waiting * (time.monotonic() - self._started) / self.num_finished


def _delete(path: Path) -> None:
    # Windows refuses while a thread reads it; then it goes with its folder.
    with contextlib.suppress(OSError):
        path.unlink()
