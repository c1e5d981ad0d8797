"""Links of phones: what opens, what ends them, and that none reaches further than its class."""

import time
from dataclasses import replace

import pytest
from sqlalchemy import select, update

from core.errors import PhoneLinkError, UnknownDatasetError
from core.phones.links import PhoneLinks, hash_token
from core.storage.db import Database
from core.storage.schema import PhoneLink, PhonePhoto
from tests.core.phones.conftest import Desk, sent

pytestmark = pytest.mark.both_databases

DAY_SECONDS = 24 * 3600.0


def opened(desk: Desk) -> str:
    """The token of a new link into the class of cats."""
    token = desk.links.token_of(desk.links.open(desk.cat).id)
    assert token is not None
    return token


def end_at(desk: Desk, expires_at: float) -> None:
    with desk.database.session() as session:
        session.execute(update(PhoneLink).values(expires_at=expires_at))


def test_a_link_leads_into_its_class(desk: Desk, whole: Database) -> None:
    """Its token finds it in the whole database, with the space that it belongs to."""
    view = PhoneLinks(desk.settings, whole).find(opened(desk))
    assert (view.class_name, view.dataset_id, view.space_id) == ("cat", desk.dataset_id, desk.database.space_id)
    assert view.expires_at - view.created_at == desk.settings.phone_link_minutes * 60


def test_the_token_is_not_stored(desk: Desk) -> None:
    """The database has its hash; 256 bits cannot be found from that."""
    token = opened(desk)
    with desk.database.read_session() as session:
        (stored,) = session.scalars(select(PhoneLink.token_hash))
    assert (stored, len(token)) == (hash_token(token), 43)
    assert token.encode() not in b"".join(path.read_bytes() for path in desk.settings.workspace_dir.glob("bluetit*"))


@pytest.mark.parametrize("token", ["", "x", "A" * 43, "../../etc/passwd", "' OR 1=1 --"])
def test_what_is_no_token_opens_nothing(desk: Desk, token: str) -> None:
    """Whatever somebody makes up."""
    opened(desk)
    with pytest.raises(PhoneLinkError, match="not valid here"):
        desk.links.find(token)


def test_a_class_has_one_link(desk: Desk) -> None:
    """A new code ends the one before it, and leaves those of other classes alone."""
    first, other = opened(desk), desk.links.open(desk.dog)
    second = opened(desk)
    with pytest.raises(PhoneLinkError, match="withdrawn"):
        desk.links.find(first)
    assert desk.links.find(second).class_name == "cat"
    assert [link.class_name for link in desk.links.living(desk.dataset_id)] == ["dog", "cat"]
    assert desk.links.living(desk.dataset_id)[0] == other


def test_ends(desk: Desk) -> None:
    """Withdrawn, over, of a deleted class or dataset: each is told in a sentence, and no longer listed."""
    token = opened(desk)
    desk.library.classes.delete(desk.cat)
    with pytest.raises(PhoneLinkError, match="was deleted"):
        desk.links.find(token)
    assert desk.links.living(desk.dataset_id) == []
    desk.library.history.undo(desk.library.history.latest(desk.dataset_id)[0].id)
    assert desk.links.find(token).class_id == desk.cat
    desk.library.datasets.delete(desk.dataset_id)
    with pytest.raises(PhoneLinkError, match="was deleted"):
        desk.links.find(token)
    desk.library.datasets.restore(desk.dataset_id)
    end_at(desk, time.time() - 1)
    with pytest.raises(PhoneLinkError, match="time of this code is over"):
        desk.links.find(token)
    assert desk.links.living(desk.dataset_id) == []
    desk.links.withdraw(desk.links.open(desk.cat).id)
    assert desk.links.living(desk.dataset_id) == []


def test_of_a_class_that_is_gone(desk: Desk) -> None:
    """No link leads into the trash, and one whose class is gone for good is one that never was."""
    token = opened(desk)
    desk.library.classes.delete(desk.cat)
    with pytest.raises(UnknownDatasetError):
        desk.links.open(desk.cat)
    desk.library.images.purge_trash(desk.dataset_id)
    with pytest.raises(PhoneLinkError, match="not valid here"):
        desk.links.find(token)


def test_links_of_others(desk: Desk, neighbour: Desk) -> None:
    """Nobody sees, withdraws or opens a link of another space, whatever number they name."""
    token = opened(desk)
    (link,) = desk.links.living(desk.dataset_id)
    neighbour.links.withdraw(link.id)
    assert neighbour.links.living(desk.dataset_id) == []
    assert neighbour.links.token_of(link.id) is None
    with pytest.raises(UnknownDatasetError):
        neighbour.links.open(desk.cat)
    with pytest.raises(PhoneLinkError, match="not valid here"):
        neighbour.photos.add(link.id, sent(1))
    assert desk.links.find(token) == link


def test_a_new_server_does_not_know_the_token(desk: Desk) -> None:
    """The link goes on; its code cannot be shown again."""
    token = opened(desk)
    anew = PhoneLinks(desk.settings, desk.database)
    assert anew.token_of(anew.find(token).id) is None


def test_links_that_ended_are_forgotten(desk: Desk) -> None:
    """A day later, with what is known of how their photos came; the photos stay."""
    link = desk.links.open(desk.cat)
    desk.photos.add(link.id, sent(1))
    end_at(desk, time.time() - DAY_SECONDS / 2)
    assert desk.links.forget_ended() == 0
    end_at(desk, time.time() - 2 * DAY_SECONDS)
    assert desk.links.forget_ended() == 1
    with desk.database.read_session() as session:
        assert session.scalars(select(PhonePhoto)).all() == []
    assert len(desk.cats) == 1


def test_the_time_is_a_setting(desk: Desk) -> None:
    """A lesson may be longer."""
    view = PhoneLinks(replace(desk.settings, phone_link_minutes=5), desk.database).open(desk.cat)
    assert view.expires_at - view.created_at == 300
