"""Kinds of task are found by name, their handlers by path."""

import pytest

from core.errors import UnknownTaskError
from core.jobs.handlers import resolve_handler
from core.jobs.kinds import Lane, find_kind, kinds_of
from core.task_kinds import TASK_KINDS
from tests.core.jobs import sample_kinds


def test_prepare_backbone_is_known() -> None:
    """The first kind of the table is there under its name."""
    kind = find_kind("prepare_backbone", TASK_KINDS)
    assert (kind.title, kind.max_attempts, kind.on_worker_death) == ("Prepare backbone", 3, "retry")


def test_unknown_kind_lists_the_known() -> None:
    """A wrong name is answered with the right ones."""
    with pytest.raises(UnknownTaskError, match=r"'paint'; known are .*prepare_backbone"):
        find_kind("paint", TASK_KINDS)


def test_table_is_well_formed() -> None:
    """Names are their own keys, handlers are module:function, attempts are at least one."""
    for name, kind in TASK_KINDS.items():
        assert kind.name == name
        assert kind.handler.count(":") == 1
        assert kind.max_attempts >= 1


def test_lanes_share_the_kinds_out() -> None:
    """Every kind is some lane's, photos never wait for a network, and a network never waits for photos."""
    lanes = {lane: kinds_of(lane, TASK_KINDS) for lane in Lane}
    assert sorted(name for names in lanes.values() for name in names) == sorted(TASK_KINDS)
    assert "import_photos" in lanes[Lane.PHOTOS]
    assert "prepare_backbone" in lanes[Lane.NETWORKS]


def test_handler_is_imported() -> None:
    """The path of a handler leads to the function."""
    assert resolve_handler(sample_kinds.KINDS["count"]) is sample_kinds.count
