"""The functions that do the work of tasks, imported in a worker only: they may need TensorFlow."""

import importlib
from collections.abc import Callable
from typing import Any

from core.jobs.context import TaskContext
from core.jobs.kinds import TaskKind


def resolve_handler(kind: TaskKind) -> Callable[[TaskContext], None]:
    """Import the function that does the work of a kind."""
    handler: Callable[[TaskContext], None] = import_attribute(kind.handler)
    return handler


def import_attribute(path: str) -> Any:
    """Import what "module:attribute" names."""
    module, _, attribute = path.partition(":")
    return getattr(importlib.import_module(module), attribute)
