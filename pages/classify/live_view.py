"""The camera on the classify page: answers while it moves, pictures that stay."""

import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from core.actions.records import Actions
from core.errors import ActionError
from core.inference.batch_records import PhotoOrigin
from core.inference.photo_batch import PhotoBatch
from core.services import Services
from pages.classify.lessons import classes_of, give, remember, render_lessons
from pages.classify.live_camera import Lesson, live_camera
from pages.classify.network_choice import NetworkChoice
from pages.server.action_routes import action_url
from pages.words.actions_told import tell_actions


def render_live_camera(batch: PhotoBatch, network: NetworkChoice, services: Services) -> None:
    """The camera, and what became of the pictures that were added to classes.

    Nothing is asked of the browser before the person presses the button: opening this page must not make it ask for
    the camera.
    """
    classes = classes_of(network.dataset_id, services)
    live_camera(
        key="photo_inputs.live_camera",
        network=network.key,
        run_id=network.run_id,
        classes=classes,
        actions=_actions(network.run_id, services),
        on_keep=lambda frame: batch.add_file(f"camera {time.strftime('%H-%M-%S')}.jpg", frame, PhotoOrigin.CAMERA),
        on_teach=lambda lesson: _teach(lesson, services),
    )
    render_lessons(services)


def _actions(run_id: int | None, services: Services) -> Mapping[str, Any]:
    """What happens at the classes of a model; what cannot be read is told where it is chosen."""
    actions = Actions()
    if run_id is not None:
        with suppress(ActionError):
            actions = services.actions.of_run(run_id)
    return tell_actions(actions, lambda name: action_url(run_id or 0, name))


def _teach(lesson: Lesson, services: Services) -> None:
    # By the model that was asked when the picture was taken: the person may have chosen another one since.
    run = services.runs.get_run(lesson.run_id)
    remember(give(lesson, run.dataset_id, services))
