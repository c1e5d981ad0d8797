"""The browser component that shows what the camera sees with what a network says to it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from core.actions.scripts import action_program
from core.datasets.records import ClassView
from core.inference.heatmap import COLOUR_STOPS, COLOURS, MAX_OPACITY
from pages.server.live_route import live_url
from pages.widgets.browser_component import load_component, show_component
from pages.widgets.camera_frames import parse_frame
from pages.words.verdicts import LIVE_WORDS

_PARTS = ("camera", "live_answers", "live_film", "live_reactions")
_camera = load_component("live_camera", parts=_PARTS, scripts=[action_program()])


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesson:
    """A picture that shows what a person says it shows."""

    run_id: int  # whose model was asked when it was taken
    class_id: int
    frame: bytes  # JPEG


def live_camera(
    *,
    key: str,
    network: str,
    run_id: int | None,
    classes: Sequence[ClassView],
    actions: Mapping[str, Any],
    on_keep: Callable[[bytes], object],
    on_teach: Callable[[Lesson], object],
) -> None:
    """Show the camera, and take in the pictures that are kept.

    Args:
        key: of the widget.
        network: as `live_url` takes it.
        run_id: whose model it is, where pictures can be added to its classes; None where they cannot.
        classes: those that pictures can be added to.
        actions: what happens at a class, from `tell_actions`.
        on_keep: called with the JPEG of each picture that is kept.
        on_teach: called with each picture that is added to a class.
    """
    is_teachable = run_id is not None and bool(classes)
    show_component(
        _camera,
        key=key,
        data={
            "network": network,
            "url": live_url(network),
            "words": LIVE_WORDS,
            "actions": actions,
            "heat": _heat_colours(),
            "teach": _teaching(run_id, classes) if is_teachable else None,
        },
        on_event={
            "keep": lambda payload: _keep(payload, on_keep),
            "teach": lambda payload: _teach(payload, on_teach),
        },
    )


def _teaching(run_id: int | None, classes: Sequence[ClassView]) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "title": "Teach it: add this picture to",
        "classes": [{"id": each.id, "name": each.name} for each in classes],
    }


def _heat_colours() -> dict[str, Any]:
    colours = np.column_stack([COLOUR_STOPS, COLOURS]).tolist()
    return {"colours": colours, "max_opacity": MAX_OPACITY}


def _keep(payload: Any, on_keep: Callable[[bytes], object]) -> None:
    frame = parse_frame(payload.get("frame")) if isinstance(payload, Mapping) else None
    if frame is not None:
        on_keep(frame)


def _teach(payload: Any, on_teach: Callable[[Lesson], object]) -> None:
    lesson = parse_lesson(payload)
    if lesson is not None:
        on_teach(lesson)


def parse_lesson(payload: Any) -> Lesson | None:
    """What the browser sent, which may be anything; None where it is no picture of a class."""
    if not isinstance(payload, Mapping):
        return None
    run_id, class_id = payload.get("run_id"), payload.get("class_id")
    frame = parse_frame(payload.get("frame"))
    if type(run_id) is not int or type(class_id) is not int or frame is None:
        return None
    return Lesson(run_id=run_id, class_id=class_id, frame=frame)
