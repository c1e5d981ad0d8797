"""The photos that a visitor put on the classify page, and what the backbones said to them.

A batch outlives page changes and browser reloads: it belongs to the server process and is found again by its id. The
photos' files lie in the cache folder; in memory are names and answers only, so that a thousand photos weigh little.
Photos are answered by threads that all visitors share, on LiteRT. Each change has a number, the batch's version:
whoever watches asks for what has changed since.
"""

import functools
import logging
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from core.errors import BluetitError, NoRoomError, StorageError
from core.inference.batch_contents import BatchContents
from core.inference.batch_records import Answer, BatchChanges, BatchView, GivenPhoto, Intake, Photo, PhotoOrigin
from core.inference.batch_run import BatchRun, Turns
from core.inference.change_bell import ChangeBell
from core.inference.classifier import Classifier
from core.inference.fair_pool import FairPool, Work
from core.inference.photo_files import PhotoFiles
from core.inference.photo_room import PhotoRoom
from core.links.photo import fetch_photo
from core.photos.decode import decode_image
from core.settings import Settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchHost:
    """What all batches of a server share."""

    settings: Settings
    pool: FairPool  # answers photos
    link_pool: FairPool  # reads links
    room: PhotoRoom
    note_use: Callable[["PhotoBatch"], None]  # its visitor is there
    make_room: Callable[["PhotoBatch"], bool]  # whether pages that the same visitor has left have given some back


class PhotoBatch:
    """The photos of one visitor; every method may be called from any thread."""

    def __init__(self, folder: Path, host: BatchHost, *, owner: str) -> None:
        """Begin an empty batch.

        Args:
            folder: where the photos' files go; its name is the batch's id.
            host: what it shares with others.
            owner: whose photos they are.
        """
        self.batch_id = folder.name
        self.owner = owner
        self.bell = ChangeBell()  # rings at each new version
        self._host = host
        self._files = PhotoFiles(folder, host.settings, host.room, owner=owner)
        self._lock = threading.Lock()
        self._contents = BatchContents(self.bell)
        self._next_id = 1
        self._num_arriving = 0  # photos whose place is taken and whose file is being written
        self._last_intake: Intake | None = None
        self._run: BatchRun | None = None  # while it is active
        self._file_turns = Turns(self._take_file)
        self._link_turns = Turns(self._take_link)

    def add(self, given: Sequence[GivenPhoto]) -> Intake:
        """Take in what there is room for; a file that cannot be used is listed with the reason.

        Raises:
            StorageError: the server is being stopped.
        """
        self._host.note_use(self)
        photos: list[Photo] = []
        no_room, because = [], ""
        for each in given:
            try:
                photos.append(self._take_in_or_make_room(each))
            except NoRoomError as exc:
                no_room.append(each.name)
                because = because or str(exc)
        num_refused = sum(photo.error is not None for photo in photos)
        intake = Intake(
            num_given=len(given),
            num_taken=len(photos) - num_refused,
            num_refused=num_refused,
            no_room=tuple(no_room),
            no_room_because=because,
        )
        with self._lock:
            self._last_intake = intake
        return intake

    @property
    def last_intake(self) -> Intake | None:
        """What became of the photos that were given last; None when the batch has been cleared since."""
        return self._last_intake

    def add_file(self, name: str, data: bytes, origin: PhotoOrigin) -> Intake:
        """Take in a photo's file."""
        return self.add([GivenPhoto(name=name, origin=origin, data=data)])

    def add_link(self, link: str) -> Intake:
        """Take in a link; it is read when its turn to be classified comes."""
        return self.add([GivenPhoto.of_link(link)])

    @property
    def num_taken(self) -> int:
        """Photos taken in since the batch began, removed ones included."""
        with self._lock:
            return self._next_id - 1

    @property
    def is_empty(self) -> bool:
        """Whether it holds no photo, and none is on its way."""
        with self._lock:
            return not self._contents.photos and not self._num_arriving

    @property
    def version(self) -> int:
        """Number of the last change."""
        with self._lock:
            return self._contents.version

    def remove(self, *photo_ids: int) -> None:
        """Take photos out; unknown ids are ignored, so that two impatient clicks do no harm."""
        with self._lock:
            gone = self._take_out(photo_ids)
        self._delete(gone)

    def clear(self) -> None:
        """Stop, and take all photos out."""
        self.begin_clearing()()

    def begin_clearing(self) -> Work:
        """Stop, and take all photos out; what comes back deletes their files, for which a slow disk takes its time."""
        with self._lock:
            self._stop()
            self._last_intake = None
            gone = self._take_out(tuple(self._contents.photos))
            self._contents.change()  # an empty batch that is given up is told of, too
        return functools.partial(self._delete, gone)

    def start(self, classifier: Classifier) -> None:
        """Classify what this backbone has not seen yet; does nothing if that is under way.

        Raises:
            StorageError: the server is being stopped.
        """
        self._host.note_use(self)
        with self._lock:
            waiting = self._contents.use(classifier.fingerprint)
            if waiting and self._active_run(classifier.fingerprint) is None:
                self._stop()
                self._run = BatchRun(classifier, waiting)
                self._contents.change()
                self._ask_for_turns()

    def stop(self) -> None:
        """Stop after the photos that are being classified right now."""
        with self._lock:
            self._stop()

    def view(self, fingerprint: str) -> BatchView:
        """The batch as the backbone with this artefact fingerprint sees it."""
        found = self.changes(fingerprint)
        return BatchView(answers=found.answers, is_running=found.is_running, seconds_left=found.seconds_left)

    def changes(self, fingerprint: str, since: int = 0) -> BatchChanges:
        """What has changed since a version, as the backbone with this artefact fingerprint sees it.

        Args:
            fingerprint: of the backbone.
            since: the `version` of the changes before; 0 asks for all, and so does one that the batch never had.
        """
        with self._lock:
            return self._contents.changes(fingerprint, since, self._active_run(fingerprint))

    def find(self, photo_id: int, fingerprint: str = "") -> Answer | None:
        """A photo, with what a network said to it; None: it is not here, or no more."""
        with self._lock:
            return self._contents.answer(photo_id, fingerprint)

    def read(self, photo_id: int) -> bytes:
        """The file of a photo.

        Raises:
            StorageError: it has been removed meanwhile.
        """
        answer = self.find(photo_id)
        if answer is None or answer.photo.path is None:
            raise StorageError(f"There is no file of photo {photo_id} here. Reload the page.")
        return self._files.read(answer.photo.path)

    def open_image(self, photo_id: int, name: str, *, shortest_side_px: int) -> Image.Image:
        """A photo as an upright RGB image, a JPEG decoded no larger than is useful.

        Raises:
            StorageError: it has been removed meanwhile.
            ImageError: it cannot be used.
        """
        data = self.read(photo_id)
        return decode_image(data, name, limits=self._files.limits, shortest_side_px=shortest_side_px)

    def _take_in_or_make_room(self, given: GivenPhoto) -> Photo:
        try:
            return self._take_in(given)
        except NoRoomError:
            if not self._host.make_room(self):
                raise
        return self._take_in(given)

    def _take_in(self, given: GivenPhoto) -> Photo:
        """List one photo.

        Raises:
            NoRoomError: there is no room; it is not listed.
        """
        self._files.take_place()
        with self._lock:
            photo = Photo(photo_id=self._next_id, name=given.name, origin=given.origin, link=given.link)
            self._next_id += 1
            self._num_arriving += 1
        is_listed = True
        try:
            if given.refusal:
                photo = replace(photo, error=given.refusal)
            elif given.link is None:
                photo = self._files.store(photo, given.data)
        except NoRoomError:
            is_listed = False
            raise
        except BluetitError as exc:
            photo = replace(photo, error=str(exc))
        finally:
            with self._lock:
                self._num_arriving -= 1
                if is_listed:
                    self._list(photo)
                else:
                    self._files.give_place_back()
        return photo

    def _take_file(self) -> Work | None:
        """See `Source.take`: a photo to answer."""
        with self._lock:
            run = self._run
            if run is None:
                return None
            photo_id = run.next_file(self._contents.photos)
            if photo_id is None:
                self._end_if_done(run)
                return None
            is_alone = not run.has_more_files and self._host.pool.is_otherwise_idle
            return functools.partial(self._classify, self._contents.photos[photo_id], run, is_alone=is_alone)

    def _take_link(self) -> Work | None:
        """See `Source.take`: a link to read."""
        with self._lock:
            run = self._run
            if run is None:
                return None
            photo_id = run.next_link(self._contents.photos)
            if photo_id is None:
                self._end_if_done(run)
                return None
            return functools.partial(self._read_link, self._contents.photos[photo_id], run)

    def _classify(self, photo: Photo, run: BatchRun, *, is_alone: bool) -> None:
        found, error = None, None
        try:
            found = run.classifier.classify(self.read(photo.photo_id), photo.name, is_alone=is_alone)
        except BluetitError as exc:
            error = str(exc)
        except Exception:
            # A bug that one photo meets must neither stop the others nor be met for ever.
            logger.exception("Classifying %s failed", photo.name)
            error = f"{photo.name} could not be classified; the app's log says why."
        with self._lock:
            run.finish_file()
            if found is not None:
                self._contents.keep_answer(photo.photo_id, run.fingerprint, found)
            else:
                self._contents.keep_photo(replace(photo, error=error))
            self._end_if_done(run)

    def _read_link(self, photo: Photo, run: BatchRun) -> None:
        try:
            fetched = fetch_photo(photo.link or "", self._host.settings, cancelled=run.is_stopped.is_set)
            photo = self._files.store(replace(photo, name=fetched.name), fetched.data)
        except BluetitError as exc:
            photo = replace(photo, error=str(exc))
        except Exception:
            logger.exception("Reading %s failed", photo.name)
            photo = replace(photo, error=f"{photo.name} could not be read; the app's log says why.")
        with self._lock:
            run.finish_link()
            # A reading that was broken off is no fault of the photo, which another run may have read meanwhile.
            is_wanted = not run.is_stopped.is_set() and self._contents.keep_photo(photo)
            if is_wanted and photo.path is not None:
                run.append(photo)
            self._end_if_done(run)
            self._ask_for_turns()
        if not is_wanted:
            self._delete([photo])

    def _delete(self, gone: Sequence[Photo]) -> None:
        """Delete the files of photos that have been taken out, without the lock: nobody asks for them any more."""
        for photo in gone:
            self._files.delete(photo)
        with self._lock:
            if not self._contents.photos and not self._num_arriving:
                self._files.remove_folder()

    # --- with the lock held ------------------------------------------------------------------------------

    def _list(self, photo: Photo) -> None:
        self._contents.add(photo)
        if self._run is not None and photo.error is None:
            self._run.append(photo)
            self._ask_for_turns()

    def _take_out(self, photo_ids: Sequence[int]) -> list[Photo]:
        gone = self._contents.take_out(photo_ids)
        self._files.give_place_back(len(gone))
        return gone

    def _active_run(self, fingerprint: str) -> BatchRun | None:
        return self._run if self._run is not None and self._run.fingerprint == fingerprint else None

    def _stop(self) -> None:
        if self._run is not None:
            self._run.is_stopped.set()
            self._end_if_done(self._run)

    def _end_if_done(self, run: BatchRun) -> None:
        """Let go of a run, which holds a network in memory."""
        if self._run is run and not run.is_active:
            self._run = None
            self._contents.change()

    def _ask_for_turns(self) -> None:
        self._host.pool.register(self.owner, self._file_turns)
        self._host.link_pool.register(self.owner, self._link_turns)
