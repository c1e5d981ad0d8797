"""How a run goes, as the components of a page draw it: plain text and numbers, no markup."""

from collections.abc import Mapping, Sequence
from typing import Any

from core.jobs.status import ACTIVE_STATUSES
from core.runs.reader import RunNow
from core.runs.records import RunStatus
from pages.words.curves import chart_columns, chart_summary, curves_of
from pages.words.standing import PHASE_WORDS, state_of
from pages.words.wording import percent, queue_place_text, quoted, share_text, time_left, verdict


def tell_run(now: RunNow) -> dict[str, Any]:
    """Everything that a page about a run draws by itself; what it consists of is in `docs/routes.md`."""
    chart, summary = _tell_chart(now)
    return {
        "state": state_of(now.view),
        "chart": chart,
        "summary": summary,
        **_tell_progress(now),
        "photos": _tell_photos(now),
        "notes": [{"text": note.text, "is_warning": note.is_warning} for note in now.history.notes],
    }


def _tell_chart(now: RunNow) -> tuple[dict[str, Any] | None, str]:
    """The columns of the chart; None before there is anything to draw."""
    is_begun = now.history.epochs or now.view.status in (RunStatus.RUNNING, RunStatus.STOPPING)
    if now.config is None or not is_begun:
        return None, ""
    curves = curves_of(now.history, now.config, is_active=now.view.is_active)
    return chart_columns(curves), chart_summary(curves)


def _tell_progress(now: RunNow) -> dict[str, Any]:
    if now.view.status is RunStatus.QUEUED:
        return _progress(text=_queue_text(now))
    if now.view.is_active:
        return _tell_training(now)
    if now.view.package_status in ACTIVE_STATUSES:
        text = "Packaging waits for its turn; the model answers already"
        if now.progress is not None:
            text = f"Packaging: {now.progress.message}{time_left(now.progress.seconds_left)}"
        return _progress(text=text, fraction=_fraction(now))
    return _progress()


def _progress(text: str = "", fraction: float | None = 0.0, **others: Any) -> dict[str, Any]:
    nothing = {"title": "", "term": "", "epoch": None, "num_epochs": None, "facts": []}
    return {**nothing, "fraction": fraction, "text": text, **others}


def _queue_text(now: RunNow) -> str:
    if now.place is None:
        return "Being begun"
    if now.place.trouble is not None:
        return now.place.trouble
    if now.place.num_before + now.place.num_running == 0:
        return "A worker is being started"
    return f"Waiting for its turn. {queue_place_text(now.place)}"


def _tell_training(now: RunNow) -> dict[str, Any]:
    history, phase = now.history, now.history.phase
    title, term = PHASE_WORDS.get(phase.phase, ("Working", phase.phase)) if phase else ("Getting ready", "")
    epoch = num_epochs = None
    if phase is not None and phase.num_epochs and now.config is not None:
        num_epochs = history.num_planned(now.config, is_active=True)
        epoch = min(history.num_epochs + 1, num_epochs)
    return _progress(
        text=_training_text(now),
        fraction=_fraction(now),
        title=title,
        term=term,
        epoch=epoch,
        num_epochs=num_epochs,
        facts=_facts(now),
    )


def _training_text(now: RunNow) -> str:
    if now.view.status is RunStatus.STOPPING:
        is_lost = now.view.is_cancel_requested
        return "Discarding it …" if is_lost else "Stopping: the best epoch so far is kept …"
    if now.progress is None:
        return "Starting"
    left = now.history.seconds_left(now.expected_seconds, now.read_at) if now.expected_seconds else None
    return f"{now.progress.message}{time_left(now.progress.seconds_left if left is None else left)}"


def _fraction(now: RunNow) -> float:
    """How far it is, 0-1, as a thousandth: nobody sees less on a bar."""
    fraction = (now.progress.fraction or 0.0) if now.progress else 0.0
    return round(min(1.0, max(0.0, fraction)), 3)


def _facts(now: RunNow) -> list[str]:
    facts = []
    best = now.history.best_epoch
    if best is not None and best.validation_accuracy is not None:
        facts.append(
            f"best so far: {share_text(best.validation_accuracy)} of the validation photos, epoch {best.epoch}"
        )
    if now.history.photos_per_second is not None:
        facts.append(f"{now.history.photos_per_second:,.0f} photos per second")
    if now.device:
        facts.append(now.device)
    return facts


# --- what it says to some photos -------------------------------------------------------------------------


def _tell_photos(now: RunNow) -> dict[str, Any] | None:
    """The photos of the latest epoch that told of them; None where none did."""
    told = now.history.photos
    if told is None or not told.photos:
        return None
    return {"epoch": told.epoch, "cards": [photo_card(photo, now.class_names) for photo in told.photos]}


def photo_card(photo: Mapping[str, Any], class_names: Sequence[str]) -> dict[str, Any]:
    """A validation photo with what the model says to it.

    Args:
        photo: of a `PhotosStory`.
        class_names: in the order of the probabilities.
    """
    probabilities = [value or 0.0 for value in photo["probabilities"]]
    true_index = int(photo["class_index"])
    said_index = max(range(len(probabilities)), key=probabilities.__getitem__)
    is_right = said_index == true_index
    truth = f"It is {_name(class_names, true_index)}"
    if not is_right:
        truth += f", {percent(probabilities[true_index])}"
    return {
        "hash": "".join(letter for letter in str(photo["hash"]) if letter in "0123456789abcdef"),
        "is_right": is_right,
        "verdict": verdict(is_right=is_right),
        "said": f"{_name(class_names, said_index)} {percent(probabilities[said_index])}",
        "truth": truth,
    }


def _name(class_names: Sequence[str], index: int) -> str:
    return quoted(class_names[index]) if index < len(class_names) else f"class {index + 1}"
