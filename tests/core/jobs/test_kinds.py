"""Kinds of task are found by name, their handlers by path."""

import pytest

from core.errors import UnknownTaskError
from core.jobs.kinds import TASK_KINDS, find_kind, resolve_handler
from tests.core.jobs import sample_kinds


def test_prepare_backbone_is_known() -> None:
    """The first kind of the table is there under its name."""
    kind = find_kind("prepare_backbone")
    assert (kind.title, kind.max_attempts, kind.on_worker_death) == ("Prepare backbone", 3, "retry")


def test_unknown_kind_lists_the_known() -> None:
    """A wrong name is answered with the right ones."""
    with pytest.raises(UnknownTaskError, match=r"'paint'; known are .*prepare_backbone"):
        find_kind("paint")


def test_table_is_well_formed() -> None:
    """Names are their own keys, handlers are module:function, attempts are at least one."""
    for name, kind in TASK_KINDS.items():
        assert kind.name == name
        assert kind.handler.count(":") == 1
        assert kind.max_attempts >= 1


def test_handler_is_imported() -> None:
    """The path of a handler leads to the function."""
    assert resolve_handler(sample_kinds.KINDS["count"]) is sample_kinds.count
