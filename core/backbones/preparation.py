"""Asking for a backbone to be prepared; a worker does it."""

from core.backbones.artefacts import preparing_version
from core.backbones.catalog import Backbone
from core.jobs.queue import TaskQueue

PREPARE_KIND = "prepare_backbone"  # of the task


def queue_preparation(backbone: Backbone, queue: TaskQueue) -> int:
    """Ask for a backbone to be prepared; the task's number, that of the one under way if there is one."""
    payload = {"backbone": backbone.name, "preparing_version": preparing_version()}
    return queue.submit(PREPARE_KIND, payload, key=preparation_key(backbone))


def preparation_key(backbone: Backbone) -> str:
    """The key that keeps one backbone from being prepared twice at the same time."""
    return f"{PREPARE_KIND}:{backbone.name}"
