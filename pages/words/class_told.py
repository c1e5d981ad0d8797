"""A class in words: each pupil in a few lines, the queue in one."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.runs.records import RunStatus, RunView
from core.spaces.overview import ClassNow, PupilNow, Waiting
from pages.words.animals import picture_of
from pages.words.standing import best_score
from pages.words.wording import count, range_text, size_text, whole_percent

_NOBODY = (
    "Pupils open the address that the page for the projector shows, type the class code, and choose an animal's name."
)
_MAX_QUEUED = 12  # that are told one by one


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelsNow:
    """The runs of a pupil."""

    num_runs: int
    active: str  # how the one stands that waits or runs, empty where none does
    best: str  # on how many photos the best is right, with a mark where that may be luck; empty where none is done
    interval: str  # between which the share plausibly lies, and a word of caution
    is_doubtful: bool = False  # whether there is such a word


def models_now(views: Sequence[RunView], cautions: Mapping[int, str], active: str = "") -> ModelsNow:
    """What runs have come to.

    Args:
        views: of a pupil, the newest first.
        cautions: a word of warning, empty where there is none, by the run's number.
        active: how the one stands that waits or runs.
    """
    scored = [(score, view) for view in views if (score := best_score(view)) is not None]
    if not scored:
        return ModelsNow(num_runs=len(views), active=active, best="", interval="")
    # Of equal shares the one that more photos stand for.
    score, view = max(scored, key=lambda pair: (pair[0].accuracy, pair[0].num_photos))
    caution = cautions.get(view.id, "")
    share = whole_percent(score.accuracy)
    on_photos = f"on {count(score.num_photos, 'photo')}"
    interval = f"{share} right {on_photos}, plausibly {range_text(score.low, score.high)}"
    return ModelsNow(
        num_runs=len(views),
        active=active,
        best=f"{share} ?" if caution else share,  # not by colour alone
        interval=f"{interval}; {caution}" if caution else interval,
        is_doubtful=bool(caution),
    )


def active_run(views: Sequence[RunView]) -> RunView | None:
    """The run that is worked on, or else the one that waits."""
    active = [view for view in views if view.is_active]
    return min(active, key=lambda view: view.status is RunStatus.QUEUED, default=None)


def tell_class(now: ClassNow, models: Mapping[int, ModelsNow], due: Mapping[int, str]) -> dict[str, Any]:
    """The board.

    Args:
        now: the class.
        models: runs by the number of the space.
        due: when a space will be deleted that nobody comes to, by its number.
    """
    num_here = sum(each.is_here for each in now.pupils)
    return {
        "heading": f"{num_here} of {count(len(now.pupils), 'pupil')} here" if now.pupils else "Nobody has come in yet",
        "storage": f"{size_text(now.num_bytes)} stored",
        "hint": "" if now.pupils else _NOBODY,
        "spaces": [_tell_pupil(each, models[each.space.id], due.get(each.space.id, "")) for each in now.pupils],
        "queue": tell_queue(now.queue),
    }


def _tell_pupil(pupil: PupilNow, models: ModelsNow, due: str) -> dict[str, Any]:
    parts = [count(pupil.num_photos, "photo")]
    if models.num_runs:
        parts.append(count(models.num_runs, "run"))
    return {
        "id": pupil.space.id,
        "name": pupil.space.name,
        "picture": picture_of(pupil.space.name),
        "is_here": pupil.is_here,
        "doing": _doing_text(pupil, models),
        "has": " · ".join(parts),
        "best": models.best,
        "interval": models.interval,
        "is_doubtful": models.is_doubtful,
        "storage": size_text(pupil.num_bytes) if pupil.num_bytes else "",
        "due": due,
    }


def _doing_text(pupil: PupilNow, models: ModelsNow) -> str:
    """What somebody does now: the run that is under way, or else the page."""
    if models.active:
        return models.active
    if not pupil.is_here:
        return "away"
    said = [str(pupil.space.doing.get(name) or "") for name in ("page", "what", "detail")]
    return " · ".join(part for part in said if part) or "here"


def tell_queue(queue: Sequence[Waiting]) -> list[dict[str, Any]]:
    """What runs and waits, the first of it one by one."""
    told = [
        {"text": each.title, "owner": each.owner or "", "is_running": each.is_running} for each in queue[:_MAX_QUEUED]
    ]
    rest = Counter(each.title for each in queue[_MAX_QUEUED:])
    more = [{"text": f"and {number} more: {title}", "owner": "", "is_running": False} for title, number in rest.items()]
    return told + more
