"""The tree of errors."""

import inspect
import re

from core import errors


def drawn_parents() -> dict[str, str | None]:
    """The parent of each error, as the module's docstring draws the tree."""
    parents: dict[str, str | None] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.fullmatch(r" {4}((?:[│ ]   )*(?:[├└]── )?)(\w+)( .*)?", line)
        if match is None:
            continue
        path = [*path[: len(match[1]) // 4], match[2]]
        assert len(path) == len(match[1]) // 4 + 1, line
        parents[match[2]] = path[-2] if len(path) > 1 else None
    return parents


def test_the_drawn_tree_is_that_of_the_classes() -> None:
    """Every error is drawn below its parent, and nothing else is."""
    classes = inspect.getmembers(errors, inspect.isclass)
    parents = {name: None if name == "BluetitError" else each.__bases__[0].__name__ for name, each in classes}
    assert drawn_parents() == parents


def test_every_error_says_what_it_is() -> None:
    """One sentence of its own each."""
    classes = inspect.getmembers(errors, inspect.isclass)
    sentences = [each.__doc__ for _, each in classes]
    assert all(sentence and sentence.rstrip().endswith(".") for sentence in sentences)
    assert len(set(sentences)) == len(sentences)
