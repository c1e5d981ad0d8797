"""Photos that phones send, on their way into a class.

Each is in the dataset before its phone is told so, by a transaction of its own: nothing that was acknowledged is lost
when the server is killed, and no worker that is busy with an archive holds a lesson up.
"""

import functools
import time
from collections.abc import Callable

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from core.datasets.records import ImportState, NewImage
from core.datasets.shelves.image_rows import insert_images
from core.datasets.shelves.image_shelf import ImageShelf
from core.datasets.shelves.rows import WRITE_TRIES, Shelf, mark_changed
from core.datasets.sources.requests import ImportRequest, Phones
from core.errors import DatasetError
from core.faces.blur import FaceCover
from core.phones.links import hash_token, lock_link
from core.phones.records import MAX_PHOTO_BYTES, SentPhoto
from core.photos.limits import ImageLimits
from core.photos.record import PhotoRecord
from core.photos.store import PhotoStore, encode_photo
from core.settings import Settings
from core.storage.db import Database
from core.storage.own_use import check_room
from core.storage.schema import Dataset, DatasetClass, DatasetImage, PhoneLink, PhonePhoto, PhotoImport

_KEY_CHARS_IN_NAME = 6
_BURST_CHARS_IN_LABEL = 16


class PhonePhotos(Shelf):
    """The photos that phones send into the datasets of one space, or of all; safe to share between threads."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        store: PhotoStore,
        *,
        blurs_faces: Callable[[], bool] = lambda: False,
    ) -> None:
        """Take photos.

        Args:
            settings: limits.
            database: of the space into whose datasets they come, or of all.
            store: where they are kept.
            blurs_faces: whether faces are to be blurred before a photo is stored.
        """
        super().__init__(database)
        self._blurs_faces = blurs_faces
        self._settings = settings
        self._store = store
        self._limits = ImageLimits(max_bytes=MAX_PHOTO_BYTES, max_pixels=settings.max_photo_pixels)

    def add(self, link_id: int, sent: SentPhoto) -> bool:
        """Put a photo into the class of a link; one that has been put there already stays as it is.

        Returns:
            True: it is in the dataset, for good.

        Raises:
            PhoneLinkError: the link is over.
            LimitReachedError: the space has as many photos as it may have.
            ImageError: the photo cannot be used.
            StorageError: it cannot be stored now; the phone may try again.
        """
        key_hash = hash_token(sent.key)
        with self._database.read_session() as session:
            if session.get(PhonePhoto, (link_id, key_hash)) is not None:
                return True
        name = f"phone {time.strftime('%Y-%m-%d %H-%M-%S')} {key_hash[:_KEY_CHARS_IN_NAME]}.jpg"
        photo = encode_photo(sent.data, name, self._limits, retouch=_cover() if self._blurs_faces() else None)
        # First its file, which nobody takes for abandoned so soon; then all that is known of it, in one transaction.
        self._store.put(photo)
        self._insert(link_id, key_hash, photo.record, name, sent.burst)
        if not self._store.has(photo.record.hash, photo.record.suffix):
            # The same photo was cleared away at this very moment, before it was needed again; now it is needed.
            self._store.put(photo)
        return True

    def _insert(self, link_id: int, key_hash: str, photo: PhotoRecord, name: str, burst: str | None) -> None:
        for _ in range(WRITE_TRIES):
            try:
                with self._database.session() as session:
                    link, dataset, into = lock_link(
                        session, link_id, max_photos=self._settings.max_photos_per_phone_link
                    )
                    if session.get(PhonePhoto, (link_id, key_hash)) is not None:
                        return  # the phone has sent it twice, and both came at once
                    check_room(session, photos=1)
                    mark_changed(dataset)
                    image = NewImage(photo=photo, class_name=into.name, name=name, capture=_capture_label(burst))
                    (image_id,) = insert_images(session, dataset, [image])
                    session.add(
                        PhonePhoto(link_id=link_id, key_hash=key_hash, dataset_id=dataset.id, image_id=image_id)
                    )
                    link.num_photos += 1
                    _tell_arrival(session, link, dataset, into)
                return
            except IntegrityError:
                continue  # another process made the same photo known at the same moment
        raise DatasetError("The photo could not be added: others add the same one. Send it again.")

    def take_back(self, link_id: int, key: str) -> None:
        """Put a photo into the trash of its dataset, for whoever sent it; one that is there already stays.

        Args:
            link_id: by which it came.
            key: the secret that it was sent with; one that no photo was sent with takes nothing back.

        Raises:
            PhoneLinkError: the link is over.
            DatasetError: somebody has put the photo into another class since.
        """
        with self._database.session() as session:
            _, _, into = lock_link(session, link_id, max_photos=None)
            known = session.get(PhonePhoto, (link_id, hash_token(key)))
            image = None if known is None else session.get(DatasetImage, known.image_id)
            if image is None or image.trashed_at is not None:
                return
            if image.class_id != into.id:
                raise DatasetError("This photo was put elsewhere since, so it cannot be taken back from here.")
            image_id = image.id
        ImageShelf(self._database).trash([image_id])


@functools.cache
def _cover() -> FaceCover:
    return FaceCover()


def _capture_label(burst: str | None) -> str | None:
    return None if burst is None else f"phone burst {hash_token(burst)[:_BURST_CHARS_IN_LABEL]}"


def _tell_arrival(session: Session, link: PhoneLink, dataset: Dataset, into: DatasetClass) -> None:
    """Count a photo in the list of how the dataset's photos came, which has one line for each link."""
    now = time.time()
    arrival = None if link.import_id is None else session.get(PhotoImport, link.import_id)
    if arrival is None:
        request = ImportRequest(
            dataset_id=dataset.id, source=Phones(), target_class=into.name, title=f"Photos from phones → {into.name}"
        )
        arrival = PhotoImport(
            dataset_id=dataset.id,
            request=request.to_json(),
            state=ImportState.DONE,
            num_accepted=0,
            num_refused=0,
            refused=[],
            notes=[],
            created_at=now,
        )
        session.add(arrival)
        session.flush()
        link.import_id = arrival.id
    arrival.num_accepted += 1
    arrival.finished_at = now
