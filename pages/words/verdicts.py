"""What a network's answer to a photo amounts to: whoever draws it, or writes it into a table, says the same."""

from dataclasses import dataclass
from enum import StrEnum

from core.inference.classifier import Classification

# Below this probability of the best class nothing fits. Measured with EfficientNet-Lite0: 3 % of the right and 45 % of
# the wrong answers to 100 photos of known classes are below it, and 78 % of the answers to 894 photos of things that
# are no class (film monsters).
UNLIKELY_BELOW = 0.35
# Below this one the answer is given with a "perhaps".
SURE_FROM = 0.6
# A kind of thing is told from here on, where no class fits.
GROUP_FROM = 0.5
NO_KIND = "object"  # the group of what has no everyday kind

# What is said of a photo, for a picture that moves; browsers put it together.
LIVE_WORDS = {
    "unlikely_below": UNLIKELY_BELOW,
    "sure_from": SURE_FROM,
    "group_from": GROUP_FROM,
    "no_kind": NO_KIND,
    "perhaps": "Perhaps",
    "unknown": "I don't know",
    "unsure": "Not sure",
    "nothing_fits": "Nothing that this network knows fits well.",
    "kind": "It is probably some kind of {group} ({percent}).",
}


class VerdictKind(StrEnum):
    """How much an answer says."""

    SURE = "sure"
    PERHAPS = "perhaps"
    UNLIKELY = "unlikely"  # nothing that the network knows fits well
    REFUSED = "refused"  # the model says that it does not know


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """A network's answer to one photo."""

    kind: VerdictKind
    label: str  # of the likeliest class; of a model that does not know, what it would have guessed
    group: str | None  # kind of thing, such as "bird"; None: the classes have none
    # Probability, 0-1, of the group, where no class fits but the kind of thing is known; else None.
    group_probability: float | None
    reason: str  # a sentence on why the model does not know; else empty


def verdict_of(found: Classification) -> Verdict:
    """What an answer amounts to."""
    best = found.predictions[0]
    if found.refusal is not None:
        kind = VerdictKind.REFUSED
    elif is_unlikely(found):
        kind = VerdictKind.UNLIKELY
    else:
        kind = VerdictKind.SURE if best.probability >= SURE_FROM else VerdictKind.PERHAPS
    has_kind = found.group not in (None, NO_KIND) and found.group_probability >= GROUP_FROM
    return Verdict(
        kind=kind,
        label=best.label,
        group=found.group,
        group_probability=found.group_probability if kind is VerdictKind.UNLIKELY and has_kind else None,
        reason=f"{found.refusal[0].upper()}{found.refusal[1:]}." if found.refusal else "",
    )


def is_unlikely(found: Classification) -> bool:
    """Whether nothing fits well, as far as the probability tells; not asked of models that know their own limits."""
    return not found.has_rule and found.predictions[0].probability < UNLIKELY_BELOW
