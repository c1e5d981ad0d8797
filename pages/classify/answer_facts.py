"""What is to be told of the answer to a photo, and of all answers together."""

from collections.abc import Sequence

from core.inference.batch_records import Answer, BatchView
from pages.words.verdicts import is_unlikely
from pages.words.wording import count, percent, quoted

NOT_KNOWN = "I don't know"  # in tables and searches, which take no Markdown


def is_refused(answer: Answer) -> bool:
    """Whether the model says that it does not know."""
    return answer.classification is not None and answer.classification.is_refused


def is_unsure(answer: Answer) -> bool:
    """Whether nobody should rely on it: nothing fits well, or the model does not know."""
    return answer.classification is not None and (is_refused(answer) or is_unlikely(answer.classification))


def mark(answer: Answer) -> str:
    """What became of a photo, in a column of its own: in that of the answers stand names of classes and no words."""
    if answer.photo.error is not None:
        return f"✗ {answer.photo.error}"
    if answer.classification is None:
        return "… waiting"
    if is_refused(answer):
        return f"? {NOT_KNOWN}"
    return "? not sure" if is_unsure(answer) else "✓"


def answer_text(answer: Answer) -> str | None:
    """The name of a class; None where none is given."""
    return None if is_refused(answer) else best_label(answer) or None


def guess_text(answer: Answer) -> str:
    """What it would have said, where it does not know."""
    return f"{quoted(best_label(answer))}, {percent(best_probability(answer))}" if is_refused(answer) else ""


def shown_percentage(answer: Answer) -> float | None:
    """Of the answer that is given, 0-100."""
    return None if answer.classification is None or is_refused(answer) else 100 * best_probability(answer)


def best_probability(answer: Answer) -> float:
    """Of the likeliest class, 0-1; 0 where there is no answer."""
    return answer.classification.predictions[0].probability if answer.classification else 0.0


def best_label(answer: Answer) -> str:
    """The likeliest class; nothing where there is no answer."""
    return label_of_rank(answer, 0)


def label_of_rank(answer: Answer, rank: int) -> str:
    """The class at a place of the list, 0 for the likeliest; nothing where there is none."""
    predictions = answer.classification.predictions if answer.classification else ()
    return predictions[rank].label if rank < len(predictions) else ""


def group_of(answer: Answer) -> str:
    """The kind of thing that the likeliest classes are; nothing where classes have no kinds."""
    return (answer.classification.group if answer.classification else None) or ""


def num_ranks_of(answers: Sequence[Answer]) -> int:
    """How many classes an answer names."""
    return max((len(answer.classification.predictions) for answer in answers if answer.classification), default=0)


def has_groups(answers: Sequence[Answer]) -> bool:
    """Whether classes have a kind, as only those of ImageNet do."""
    return any(answer.classification.group is not None for answer in answers if answer.classification)


def summarise(view: BatchView) -> str:
    """The batch in one line, such as "12 photos: 10 recognised, 1 unsure, 1 refused"."""
    num_refused = sum(answer.photo.error is not None for answer in view.answers)
    num_not_known = sum(is_refused(answer) for answer in view.answers)
    num_unsure = sum(is_unsure(answer) for answer in view.answers) - num_not_known
    num_known = len(view.answers) - view.num_waiting - num_refused - num_unsure - num_not_known
    parts = [f"{num_known} recognised"]
    parts += [f"{num_unsure} unsure"] if num_unsure else []
    parts += [f"{num_not_known} not known"] if num_not_known else []
    parts += [f"{num_refused} refused"] if num_refused else []
    parts += [f"{view.num_waiting} waiting"] if view.num_waiting else []
    return f"{count(len(view.answers), 'photo')}: {', '.join(parts)}"
