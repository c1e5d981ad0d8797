"""Photos one after the other, each decided on with one key: the component that searches and suggestions share."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from core.datasets.records import ClassView, Split
from core.sorting.records import Adviser
from pages.server.photo_routes import routes_prefix
from pages.server.sort_routes import sorting_url
from pages.widgets.browser_component import load_component, show_component

_sorter = load_component("sorter", parts=["sorting_log"], styles=["photo_tiles"])


@dataclass(frozen=True, slots=True, kw_only=True)
class Sitting:
    """What a person has begun to sort; it goes on in the browser."""

    token: str  # another one begins anew
    dataset_id: int
    question: str  # that each photo is an answer to
    among: int | None  # the class whose photos are shown; None: all others
    into: int | None = None  # of a search: the class of what fits
    examples: tuple[int, ...] = ()  # of a search: images that it begins with; none: the photos of the class
    adviser: Adviser | None = None  # of suggestions: who is asked
    split: Split | Literal["keep"] | None = "keep"  # of what is put into a class


def show_sorter(sitting: Sitting, classes: Sequence[ClassView]) -> None:
    """Show the photos of a sitting; decisions go to the server by its routes, without reruns of the page."""
    data: dict[str, Any] = {
        "token": sitting.token,
        "mode": "search" if sitting.adviser is None else "suggestions",
        "url": sorting_url(sitting.dataset_id),
        "photos_url": f"{routes_prefix()}/photos",
        "question": sitting.question,
        "classes": [[view.id, view.name] for view in classes],
        "among": sitting.among,
        "into": sitting.into,
        "examples": list(sitting.examples),
        "adviser": sitting.adviser,
        "split": sitting.split,
    }
    show_component(_sorter, key="dataset.sort.sorter", data=data)
