"""The comparisons that the tutorials make, each ready at a click once its runs are there."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from core.config import SCRATCH
from core.recipes import RECIPES
from core.runs.records import RunView
from pages.compare.chosen import is_comparable

# The networks of the last comparison: the beginning of a backbone's name, its name for people, the recipe to run.
# A network comes before those whose name begins like its own.
_FAMILIES = (
    ("MobileNetV2", "MobileNetV2", "mobilenetv2_fine_tuned"),
    ("MobileNetV3", "", ""),
    ("MobileNet", "MobileNet", "mobilenet_three_dense"),
    ("DenseNet201", "DenseNet201", "densenet201"),
    ("EfficientNetLite", "EfficientNet-Lite", "quick"),
)
_SHOWN_ORDER = ("MobileNet", "MobileNetV2", "DenseNet201", "EfficientNet-Lite")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadyMade:
    """One comparison."""

    key: str
    title: str
    question: str  # what it answers
    run_ids: tuple[int, ...]  # on the same photos; none where they are not there
    missing: str  # what to train, in words; nothing where all is there


def find_ready_made(runs: Sequence[RunView]) -> tuple[ReadyMade, ...]:
    """The tutorials' comparisons, with the newest runs on one snapshot that each can be made of.

    Args:
        runs: all of them, the newest first; those that are not done do not count.
    """
    by_snapshot: dict[str, list[RunView]] = defaultdict(list)
    for run in runs:
        if is_comparable(run):
            by_snapshot[run.snapshot_hash].append(run)
    groups = list(by_snapshot.values())
    return (_head_or_fine_tuned(groups), _transfer_or_scratch(groups), _networks(groups))


def _head_or_fine_tuned(groups: Sequence[list[RunView]]) -> ReadyMade:
    found = _first_pair(groups, _is_head_only, lambda head, other: _is_fine_tuned(other) and _same_network(head, other))
    return ReadyMade(
        key="fine_tuning",
        title="New last layers or fine-tuned",
        question="Is it worth adjusting the network itself, or is a new head on it enough?",
        run_ids=found,
        missing="" if found else f"Train one network with the recipes {_title('quick')} and {_title('careful')}.",
    )


def _transfer_or_scratch(groups: Sequence[list[RunView]]) -> ReadyMade:
    found = _first_pair(groups, lambda run: not _is_scratch(run), lambda _ready, other: _is_scratch(other))
    return ReadyMade(
        key="transfer",
        title="Transfer or from scratch",
        question="How much does a ready-made network save, beside one that starts from nothing?",
        run_ids=found,
        missing="" if found else f"Train with the recipes {_title('quick')} and {_title('from_scratch')}.",
    )


def _networks(groups: Sequence[list[RunView]]) -> ReadyMade:
    best: dict[str, int] = {}
    for runs in groups:
        newest: dict[str, int] = {}
        for run in runs:
            family = _family_of(run)
            if family:
                newest.setdefault(family, run.id)
        if len(newest) > len(best):
            best = newest
    is_ready = len(best) >= 2
    recipes = {title: recipe for _, title, recipe in _FAMILIES}
    absent = [f"{title} (recipe {_title(recipes[title])})" for title in _SHOWN_ORDER if title not in best]
    return ReadyMade(
        key="networks",
        title="Which network",
        question=f"{', '.join(_SHOWN_ORDER[:-1])} or {_SHOWN_ORDER[-1]}?",
        run_ids=tuple(best[title] for title in _SHOWN_ORDER if title in best) if is_ready else (),
        missing=f"Not trained on the same photos: {', '.join(absent)}." if absent else "",
    )


def _first_pair(
    groups: Sequence[list[RunView]],
    is_first: Callable[[RunView], bool],
    is_partner: Callable[[RunView, RunView], bool],
) -> tuple[int, ...]:
    for runs in groups:
        for first in filter(is_first, runs):
            partner = next((run for run in runs if is_partner(first, run)), None)
            if partner is not None:
                return first.id, partner.id
    return ()


def _is_scratch(run: RunView) -> bool:
    return run.config_values.get("backbone") == SCRATCH


def _is_fine_tuned(run: RunView) -> bool:
    return run.config_values.get("fine_tune") is not None


def _is_head_only(run: RunView) -> bool:
    return not _is_scratch(run) and not _is_fine_tuned(run)


def _same_network(first: RunView, second: RunView) -> bool:
    return first.config_values.get("backbone") == second.config_values.get("backbone")


def _family_of(run: RunView) -> str:
    name = str(run.config_values.get("backbone"))
    return next((title for beginning, title, _ in _FAMILIES if name.startswith(beginning)), "")


def _title(recipe: str) -> str:
    return f"“{RECIPES[recipe].title}”"
