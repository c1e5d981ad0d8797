"""The photos that a visitor put on the classify page, and what the backbones said to them.

A batch outlives page changes and browser reloads: one server has it in memory, and it is found again by its id. The
photos' files lie in the cache folder; in memory are names and answers only, so that a thousand photos weigh little.
Photos are answered by threads that all visitors share, on LiteRT. Each change has a number, the batch's version:
whoever watches asks for what has changed since. What changes is written down behind the answers, so that another server
can go on (`core.inference.batch_shelf`).
"""

import functools
from collections.abc import Sequence
from dataclasses import replace

from PIL import Image

from core.errors import BluetitError, NoRoomError
from core.inference.batch_notes import BatchDraft, BatchNotes, KeptBatch
from core.inference.batch_records import BatchChanges, BatchView, GivenPhoto, Intake, Photo, PhotoOrigin
from core.inference.batch_run import BatchRun
from core.inference.classifier import Classifier
from core.inference.fair_pool import Work
from core.inference.running_batch import RunningBatch
from core.photos.decode import decode_image

# Each server that takes a batch over numbers its changes beyond those of the one before.
_VERSIONS_OF_A_SERVER = 1_000_000_000
_NUM_UNKNOWN_PHOTOS = 2_000  # that a killed server may have taken in and not written down


class PhotoBatch(RunningBatch):
    """The photos of one visitor; every method may be called from any thread."""

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
        intake = Intake.of(photos, no_room, because)
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

    def restore(self, kept: KeptBatch) -> None:
        """Go on with what another server has left."""
        is_elsewhere = self._host.store.is_elsewhere
        photos = {
            photo_id: each.in_folder(self._files.folder, photo_id, is_elsewhere=is_elsewhere)
            for photo_id, each in kept.photos.items()
        }
        with self._lock:
            self._files.give_back(self._contents.forget())
            self._contents.restore(photos, kept.answers, version=kept.generation * _VERSIONS_OF_A_SERVER)
            self._files.count(photos.values())
            # A browser keeps pictures by these numbers; those that were never written down are not given again.
            self._next_id = max(self._next_id, kept.next_photo_id + _NUM_UNKNOWN_PHOTOS)
            self.is_noted, self.is_lost = True, False

    def lose(self) -> None:
        """Stop, and forget all photos; their files are another server's now, or gone."""
        with self._lock:
            self._stop()
            self._files.give_back(self._contents.forget())
            self.is_noted, self.is_lost = False, True

    def take_notes(self, max_rows: int) -> tuple[BatchNotes, BatchDraft]:
        """What is to be written down now, by number and as it is.

        Args:
            max_rows: most photos and answers; others stay for the next time, as `has_notes` tells.
        """
        with self._lock:
            notes, photos = self._contents.take_notes(max_rows), self._contents.photos
            return notes, BatchDraft(
                batch_id=self.batch_id,
                owner=self.owner,
                is_noted=self.is_noted,
                next_photo_id=self._next_id,
                num_photos=len(photos),
                num_bytes=sum(photo.num_bytes for photo in photos.values()),
                gone=frozenset(notes.gone),
                dropped=frozenset(notes.dropped),
                photos={photo_id: photos[photo_id] for photo_id in sorted(notes.photos) if photo_id in photos},
                answers=self._contents.noted_answers(notes),
            )

    def put_notes_back(self, notes: BatchNotes) -> None:
        """Note again what could not be written down."""
        with self._lock:
            self._contents.put_notes_back(notes)

    @property
    def has_notes(self) -> bool:
        """Whether there is more to write down."""
        with self._lock:
            return self._contents.has_notes

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

    def open_image(self, photo_id: int, name: str, *, shortest_side_px: int) -> Image.Image:
        """A photo as an upright RGB image, a JPEG decoded no larger than is useful.

        Raises:
            StoreError: it is in the store, which does not answer.
            StorageError: it has been removed meanwhile, or is nowhere.
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

    # --- with the lock held ------------------------------------------------------------------------------

    def _take_out(self, photo_ids: Sequence[int]) -> list[Photo]:
        gone = self._contents.take_out(photo_ids)
        self._files.give_place_back(len(gone))
        return gone
