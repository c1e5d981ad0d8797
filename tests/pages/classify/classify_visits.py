"""Dropping photos into the classify page, and waiting for their answers."""

import json
from typing import Any

from streamlit.testing.v1 import AppTest

from tests.waiting import wait_until


def upload(app: AppTest, *files: tuple[str, bytes, str]) -> AppTest:
    """Drop files in, and run until they are answered."""
    app.file_uploader[0].set_value(list(files)).run()
    return settle(app)


def settle(app: AppTest) -> AppTest:
    """The timer of the page does not tick in a test: look again until nothing waits."""

    def is_settled() -> bool:
        app.run()
        assert not app.exception, app.exception
        return answers(app)["seed"]["num_waiting"] == 0

    wait_until(is_settled)
    return app


def answers(app: AppTest) -> dict[str, Any]:
    """What the page gives to the browser to draw the answers; see `docs/routes.md` for its `seed`."""
    (component,) = [each for each in app.get("bidi_component") if each.proto.component_name == "bluetit_answers"]
    return json.loads(component.proto.json)


def photos(app: AppTest) -> dict[str, dict[str, Any]]:
    """What is known of the photos, by name."""
    return {photo["name"]: photo for photo in answers(app)["seed"]["photos"]}


def labels(app: AppTest) -> list[str]:
    """The likeliest classes, in the order of arrival; nothing for a photo without an answer."""
    return [photo["classes"][0]["label"] if "classes" in photo else "" for photo in answers(app)["seed"]["photos"]]


def hood(app: AppTest) -> str:
    """How an answer comes about, in words."""
    steps = answers(app)["hood"]["steps"]
    return "\n".join("".join(piece for piece, _ in step["text"]) for step in steps)
