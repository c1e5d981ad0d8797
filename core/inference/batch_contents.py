"""Photos and answers of one batch, with the number of the change that brought each, and what is to be written down."""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from core.inference.batch_notes import BatchNotes
from core.inference.batch_records import Answer, BatchChanges, Photo
from core.inference.batch_run import BatchRun
from core.inference.change_bell import ChangeBell
from core.inference.classifier import Classification

# Networks whose answers to a batch are kept: memory is for many visitors. Each position of a slider that says when a
# model does not know makes another one.
_MAX_NETWORKS = 4


@dataclass(slots=True)
class _Said:
    """What one network said."""

    begun_at: int  # version
    answers: dict[int, tuple[Classification, int]] = field(default_factory=dict)  # by photo id, with the version

    def version_of(self, photo_id: int) -> int:
        return self.answers[photo_id][1] if photo_id in self.answers else 0

    def answer(self, photo: Photo) -> Answer:
        said = self.answers.get(photo.photo_id)
        return Answer(photo=photo, classification=None if said is None else said[0])


class BatchContents:
    """What a batch holds; the batch has its lock whenever it calls anything here."""

    def __init__(self, bell: ChangeBell, note: Callable[[], None]) -> None:
        """Begin with nothing.

        Args:
            bell: rings at each change.
            note: called when there is something to write down, which must neither wait nor fail.
        """
        self.version = 0  # number of the last change
        self._note = note
        self._notes = BatchNotes()
        self.photos: dict[int, Photo] = {}  # by id, in the order of arrival
        self._bell = bell
        self._changed_at: dict[int, int] = {}  # by photo id: when the photo, not its answers, changed
        self._came_or_went_at = 0  # when one did last
        self._said: OrderedDict[str, _Said] = OrderedDict()  # by the network's fingerprint, the longest unused first

    def change(self) -> int:
        """Number a change and tell those who watch."""
        self.version += 1
        self._bell.ring()
        return self.version

    def add(self, photo: Photo) -> None:
        """List a new photo."""
        self.photos[photo.photo_id] = photo
        self._changed_at[photo.photo_id] = self._came_or_went_at = self.change()
        self._notes.photos.add(photo.photo_id)
        self._note()

    def take_out(self, photo_ids: Iterable[int]) -> list[Photo]:
        """Forget photos and all answers to them; those that were here."""
        gone = [self.photos.pop(photo_id) for photo_id in photo_ids if photo_id in self.photos]
        for photo in gone:
            del self._changed_at[photo.photo_id]
            for said in self._said.values():
                said.answers.pop(photo.photo_id, None)
        if gone:
            self._came_or_went_at = self.change()
            self._notes.gone |= {photo.photo_id for photo in gone}
            self._note()
        return gone

    def forget(self) -> list[Photo]:
        """Hold nothing any more, of which nothing is written down; the photos that were here."""
        gone = list(self.photos.values())
        self.photos.clear()
        self._changed_at.clear()
        self._said.clear()
        self._notes = BatchNotes()
        self._came_or_went_at = self.change()
        return gone

    def restore(
        self, photos: Mapping[int, Photo], answers: Mapping[str, Mapping[int, Classification]], *, version: int
    ) -> None:
        """Hold what another server has left, and nothing else.

        Args:
            photos: by number, in the order of arrival.
            answers: by network and photo.
            version: higher than any that the other one has told of.
        """
        self.forget()
        self.version = version
        self._came_or_went_at = self.change()
        self.photos = dict(photos)
        self._changed_at = dict.fromkeys(photos, self.version)
        for fingerprint, said in answers.items():
            known = {photo_id: (found, self.version) for photo_id, found in said.items() if photo_id in photos}
            self._said[fingerprint] = _Said(begun_at=self.version, answers=known)

    @property
    def has_notes(self) -> bool:
        """Whether there is something to write down."""
        return not self._notes.are_empty

    def take_notes(self, max_rows: int) -> BatchNotes:
        """What is to be written down now; photos first, for answers are of photos.

        Args:
            max_rows: most photos and answers; others stay for the next time.
        """
        taken, self._notes = self._notes.split(max_rows)
        return taken

    def put_notes_back(self, notes: BatchNotes) -> None:
        """Note again what could not be written down."""
        self._notes.add(notes)

    def noted_answers(self, notes: BatchNotes) -> dict[tuple[int, str], Classification]:
        """The answers of notes that are here still."""
        return {
            (photo_id, network): self._said[network].answers[photo_id][0]
            for photo_id, network in notes.answers
            if network in self._said and photo_id in self._said[network].answers
        }

    def use(self, fingerprint: str) -> list[Photo]:
        """Keep the answers of a network, the longest unused ones no more; the photos that it has not answered yet."""
        if fingerprint not in self._said:
            self._said[fingerprint] = _Said(begun_at=self.change())
        self._said.move_to_end(fingerprint)
        while len(self._said) > _MAX_NETWORKS:
            dropped, _ = self._said.popitem(last=False)
            self._notes.dropped.add(dropped)
            self._note()
        return self._waiting_for(self._said[fingerprint])

    def keep_photo(self, photo: Photo) -> bool:
        """Replace what is known of a photo; whether it is here still."""
        if photo.photo_id not in self.photos:
            return False
        self.photos[photo.photo_id] = photo
        self._changed_at[photo.photo_id] = self.change()
        self._notes.photos.add(photo.photo_id)
        self._note()
        return True

    def keep_answer(self, photo_id: int, fingerprint: str, found: Classification) -> None:
        """Add an answer, unless the photo has been taken out or other networks have taken this one's place."""
        if photo_id in self.photos and fingerprint in self._said:
            self._said[fingerprint].answers[photo_id] = (found, self.change())
            self._notes.answers.add((photo_id, fingerprint))
            self._note()

    def answer(self, photo_id: int, fingerprint: str) -> Answer | None:
        """A photo, with what a network said to it; None: it is not here."""
        photo = self.photos.get(photo_id)
        return None if photo is None else self._said_by(fingerprint).answer(photo)

    def changes(self, fingerprint: str, since: int, run: BatchRun | None) -> BatchChanges:
        """See `PhotoBatch.changes`.

        Args:
            fingerprint: of a network.
            since: a version.
            run: that is under way for this network.
        """
        said = self._said_by(fingerprint)
        # What a network said that was forgotten, and is asked anew, is no longer what `since` knew.
        is_all = not 0 < since <= self.version or since < said.begun_at
        num_waiting = len(self._waiting_for(said))
        return BatchChanges(
            version=self.version,
            answers=tuple(
                said.answer(photo)
                for photo_id, photo in self.photos.items()
                if is_all or max(self._changed_at[photo_id], said.version_of(photo_id)) > since
            ),
            photo_ids=tuple(self.photos) if is_all or self._came_or_went_at > since else None,
            is_running=run is not None,
            seconds_left=None if run is None else run.seconds_left(num_waiting),
            num_waiting=num_waiting,
        )

    def _said_by(self, fingerprint: str) -> _Said:
        return self._said.get(fingerprint) or _Said(begun_at=0)

    def _waiting_for(self, said: _Said) -> list[Photo]:
        return [photo for photo in self.photos.values() if photo.error is None and photo.photo_id not in said.answers]
