"""Photos that phones send: in the class before the phone hears of it, once, and taken back by their phone alone."""

import threading
from dataclasses import replace

import pytest

from core.datasets.garbage import collect_garbage
from core.datasets.library import Library
from core.datasets.records import ImportState
from core.errors import DatasetError, ImageError, PhoneLinkError
from core.phones.photos import PhonePhotos
from core.phones.records import MAX_PHOTO_BYTES, SentPhoto
from core.photos.store import encode_photo
from tests.core.phones.conftest import Desk, sent

pytestmark = pytest.mark.both_databases


@pytest.fixture
def link_id(desk: Desk) -> int:
    return desk.links.open(desk.cat).id


def test_a_photo_is_in_the_class_and_on_the_disk(desk: Desk, link_id: int) -> None:
    """Once it is acknowledged, nothing more has to happen."""
    before = desk.library.datasets.get(desk.dataset_id).revision
    assert desk.photos.add(link_id, sent(1))
    (image,) = desk.library.images.of(desk.dataset_id)
    assert (image.class_id, image.capture_id, image.split) == (desk.cat, None, None)
    stored = encode_photo(sent(1).data, "1.jpg").record
    assert image.photo_hash == stored.hash
    assert desk.store.read(stored.hash, stored.suffix)
    assert desk.library.datasets.get(desk.dataset_id).revision == before + 1


def test_a_burst_is_one_capture(desk: Desk, link_id: int) -> None:
    """Also when photos of two phones come in between each other."""
    for number in range(6):
        desk.photos.add(link_id, sent(number, burst=number % 2))
    captures = [image.capture_id for image in desk.library.images.of(desk.dataset_id)]
    assert captures == [captures[0], captures[1]] * 3
    assert captures[0] != captures[1]


def test_sent_twice_counts_once(desk: Desk, link_id: int) -> None:
    """A phone that has not heard the answer sends again; so may both at once."""
    desk.photos.add(link_id, sent(1))
    desk.photos.add(link_id, sent(1))
    threads = [threading.Thread(target=desk.photos.add, args=(link_id, sent(2))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(desk.cats) == 2
    assert desk.links.living(desk.dataset_id)[0].num_photos == 2


def test_the_same_picture_of_two_phones_is_two_images(desk: Desk, link_id: int) -> None:
    """What tells them apart is the key, not the bytes."""
    desk.photos.add(link_id, sent(1, key=1))
    desk.photos.add(link_id, sent(1, key=2))
    assert len(desk.cats) == 2


def test_one_line_tells_how_they_came(desk: Desk, link_id: int) -> None:
    """However many photos a link brings, the list of imports has one line for it."""
    for number in range(3):
        desk.photos.add(link_id, sent(number))
    (view,) = desk.library.imports.of(desk.dataset_id)
    assert (view.state, view.num_accepted, view.num_refused) == (ImportState.DONE, 3, 0)
    assert view.request["title"] == "Photos from phones → cat"


def test_it_follows_its_class(desk: Desk, link_id: int) -> None:
    """A class that is renamed meanwhile gets the photos; none is made anew."""
    desk.library.classes.rename(desk.cat, "tiger")
    desk.photos.add(link_id, sent(1))
    assert [view.name for view in desk.library.classes.of(desk.dataset_id)] == ["tiger", "dog"]
    assert len(desk.cats) == 1


def test_nothing_of_a_bad_photo_is_kept(desk: Desk, link_id: int) -> None:
    """Neither an image, nor a file, nor a line."""
    for data in (b"", b"no photo", sent(1).data[:200], b"\xff\xd8\xff" + bytes(MAX_PHOTO_BYTES)):
        with pytest.raises(ImageError):
            desk.photos.add(link_id, SentPhoto(data=data, key="0" * 32, burst=None))
    few = PhonePhotos(replace(desk.settings, max_photo_pixels=100), desk.database, desk.store)
    with pytest.raises(ImageError, match="pixels"):
        few.add(link_id, sent(1))
    assert desk.cats == []
    assert not desk.settings.photos_path.exists()
    assert desk.library.imports.of(desk.dataset_id) == []


def test_after_the_end_nothing_comes(desk: Desk, link_id: int) -> None:
    """Withdrawn in the middle of a burst: what came stays, what comes is refused."""
    desk.photos.add(link_id, sent(1, burst=1))
    desk.links.withdraw(link_id)
    with pytest.raises(PhoneLinkError, match="withdrawn"):
        desk.photos.add(link_id, sent(2, burst=1))
    with pytest.raises(PhoneLinkError, match="withdrawn"):
        desk.photos.take_back(link_id, sent(1).key)
    assert len(desk.cats) == 1
    # One that it has already is acknowledged all the same: it is there.
    assert desk.photos.add(link_id, sent(1, burst=1))


def test_a_link_takes_only_so_many(desk: Desk, link_id: int) -> None:
    """The limit is told with its number; what has come can still be taken back."""
    two = PhonePhotos(replace(desk.settings, max_photos_per_phone_link=2), desk.database, desk.store)
    for number in range(2):
        two.add(link_id, sent(number))
    with pytest.raises(PhoneLinkError, match="2 photos have come"):
        two.add(link_id, sent(2))
    two.take_back(link_id, sent(1).key)
    assert len(desk.cats) == 1
    with pytest.raises(PhoneLinkError, match="2 photos have come"):
        two.add(link_id, sent(2))


def test_taking_back(desk: Desk, link_id: int) -> None:
    """Who knows the key puts the photo into the trash, once; it does not come again, and can be restored."""
    desk.photos.add(link_id, sent(1))
    desk.photos.take_back(link_id, sent(2).key)  # of no photo
    assert len(desk.cats) == 1
    desk.photos.take_back(link_id, sent(1).key)
    desk.photos.take_back(link_id, sent(1).key)
    assert desk.cats == []
    desk.photos.add(link_id, sent(1))
    assert desk.cats == []
    (image,) = desk.library.images.in_trash(desk.dataset_id)
    desk.library.images.restore([image.id])
    assert len(desk.cats) == 1


def test_photos_of_others_stay(desk: Desk, link_id: int) -> None:
    """A link takes nothing back that came by another, nor what somebody has put into another class."""
    other = desk.links.open(desk.dog).id
    desk.photos.add(link_id, sent(1))
    desk.photos.take_back(other, sent(1).key)
    assert len(desk.cats) == 1
    (image,) = desk.library.images.of(desk.dataset_id)
    desk.library.images.move([image.id], desk.dog)
    with pytest.raises(DatasetError, match="put elsewhere"):
        desk.photos.take_back(link_id, sent(1).key)


def test_clearing_up_leaves_them(desk: Desk, link_id: int) -> None:
    """Photos that nothing needs go, those that phones have sent do not."""
    desk.photos.add(link_id, sent(1))
    collect_garbage(Library(desk.database.of_space(None)), desk.store, min_age_seconds=0, photos_before=None)
    (image,) = desk.library.images.of(desk.dataset_id)
    assert desk.store.has(image.photo_hash, ".jpg")


def test_a_dataset_that_goes_for_good_takes_all_with_it(desk: Desk, link_id: int) -> None:
    """Links and what is known of their photos go with it."""
    desk.photos.add(link_id, sent(1))
    desk.library.images.trash([desk.library.images.of(desk.dataset_id)[0].id])
    desk.library.images.purge_trash(desk.dataset_id)
    desk.library.classes.delete(desk.cat)
    desk.library.images.purge_trash(desk.dataset_id)
    with pytest.raises(PhoneLinkError, match="not valid here"):
        desk.photos.add(link_id, sent(2))
