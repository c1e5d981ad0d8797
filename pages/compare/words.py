"""What a comparison of two models comes to, in plain words."""

from collections.abc import Mapping

from core.evaluation.comparison import Comparison, Exclusion
from pages.words.wording import count, plain

HARDLY_LUCK_BELOW = 0.05  # of the p-value; what most of science takes

_POINT_DECIMALS = 1


def is_hardly_luck(comparison: Comparison) -> bool:
    """Whether the difference is larger than luck alone is likely to make it."""
    return comparison.p_value < HARDLY_LUCK_BELOW


def verdict(comparison: Comparison, first: str, second: str) -> str:
    """Who is right where the other is wrong, and whether that could be luck; Markdown.

    Args:
        comparison: with at least one photo.
        first: name of the first model.
        second: name of the second one.
    """
    _, only_first, only_second, _ = comparison.counts
    first, second = f"**{plain(first)}**", f"**{plain(second)}**"
    if only_first + only_second == 0:
        return f"{first} and {second} are right and wrong on the very same photos: **nothing tells them apart**."
    luck = "**that is hardly luck**" if is_hardly_luck(comparison) else "**that could be luck**"
    other_way = f"{first} on {only_first:,} that {second} gets wrong" if only_first else "and never the other way"
    return f"{second} is right on {count(only_second, 'photo')} that {first} gets wrong, {other_way}: {luck}."


def luck_text(comparison: Comparison) -> str:
    """The p-value as a share of repetitions."""
    _, only_first, only_second, _ = comparison.counts
    if only_first + only_second == 0:
        return "There is nothing to test: no photo is answered rightly by only one of them."
    per_hundred = 100 * comparison.p_value
    often = f"about {per_hundred:.0f} of 100" if per_hundred >= 1 else "fewer than 1 of 100"
    if per_hundred >= 99.5:
        often = "nearly every one of 100"
    return f"If both were equally good, so uneven a count would still come about in {often} comparisons like this one."


def difference_text(comparison: Comparison, second: str) -> str:
    """By how much the second is better or worse, with what is plausible; nothing without photos; Markdown."""
    interval = comparison.interval
    if interval is None:
        return ""
    low, high = interval
    return (
        f"**{plain(second)}** is right {_more_or_less(comparison.difference)} on these photos; for photos like these, "
        f"plausibly between {_signed(low)} and {_signed(high)} points (95 % interval)."
    )


def exclusion_texts(excluded: Mapping[Exclusion, int], first: str, second: str) -> list[str]:
    """How many photos do not count, and why; plain text."""
    reasons = {
        Exclusion.LEARNED: "that one of them learned from, or both",
        Exclusion.DISPUTED: "with another class for one than for the other, or with two classes",
        Exclusion.CLASS_UNKNOWN: "of classes that only one of them knows",
        Exclusion.DECIDED: "by which the best epoch of one of them was chosen",
        Exclusion.ONLY_FIRST: f"that only {first} was asked about",
        Exclusion.ONLY_SECOND: f"that only {second} was asked about",
    }
    return [f"{count(excluded[reason], 'photo')} {text}" for reason, text in reasons.items() if excluded.get(reason)]


def joined_by_and(names: list[str]) -> str:
    """Names as a sentence lists them: "a, b and c"."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else ""


def points_text(share: float) -> str:
    """A difference of accuracies, -1 to 1, without its sign: "2.5 points", "1 point"."""
    value = round(abs(100 * share), _POINT_DECIMALS)
    return f"{value:g} point{'' if value == 1 else 's'}"


def _more_or_less(difference: float) -> str:
    if round(100 * difference, _POINT_DECIMALS) == 0:
        return "**equally often**"
    return f"**{points_text(difference)} {'more' if difference > 0 else 'less'} often**"


def _signed(share: float) -> str:
    value = round(100 * share, _POINT_DECIMALS)
    sign = "+" if value > 0 else "−" if value < 0 else ""
    return f"{sign}{abs(value):g}"
