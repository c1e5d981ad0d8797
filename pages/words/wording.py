"""Numbers and names as people write them."""

import math
import time

from core.datasets.records import Split
from core.jobs.views import QueuePlace

# What a model says that knows no answer, as Markdown: with a mark, in other letters; a class may have this very name.
I_DO_NOT_KNOW = ":material/help: *I don't know*"

SPLIT_TITLES = {Split.TRAIN: "train", Split.VALIDATION: "validation", Split.TEST: "test", None: "not split yet"}

_MARKDOWN_LETTERS = r"\`*_{}[]()#+-!|<>~:$&^="


_SECONDS_PER_MINUTE = 60
_SECONDS_PER_HOUR = 3_600
_MEGABYTE = 1_000_000

# --- shares ----------------------------------------------------------------------------------------------


def percent(probability: float) -> str:
    """A probability, 0-1, as a percentage: one decimal where rounding would claim certainty or nothing."""
    value = probability * 100
    if 0.95 <= value <= 99.05:
        return f"{value:.0f} %"
    return "< 0.1 %" if value < 0.05 else f"{min(value, 99.9):.1f} %"


def share_text(share: float) -> str:
    """A share that was counted, 0-1, never broken over two lines; a decimal where rounding would hide something."""
    value = round(100 * share, 1)
    return f"{value:.0f}\N{NO-BREAK SPACE}%" if value == round(value) else f"{value:.1f}\N{NO-BREAK SPACE}%"


def whole_percent(share: float) -> str:
    """A share, 0-1, that need not be known better."""
    return f"{100 * share:.0f} %"


def steady_percent(share: float) -> str:
    """A share, 0-1, that changes all the time: always with a decimal, so that it keeps its width."""
    return f"{100 * share:.1f} %" if math.isfinite(share) else "unknown"


def range_text(low: float, high: float) -> str:
    """Between which shares, 0-1, something plausibly lies, such as "86 to 99 %"; never broken before the sign."""
    return f"{round(100 * low)} to {round(100 * high)}\N{NO-BREAK SPACE}%"


# --- times and sizes -------------------------------------------------------------------------------------


def duration(seconds: float) -> str:
    """A time left, rounded to what a person wants to know."""
    if seconds < 1.5:
        return "a second"
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / _SECONDS_PER_MINUTE:.0f} minutes"


def time_left(seconds: float | None) -> str:
    """How long something will still take, to put behind what is being done; nothing where that is not known."""
    return "" if seconds is None else f" · about {duration(seconds)} left"


def time_text(seconds: float) -> str:
    """How long something took, short: "8 s", "2 min 5 s", "1 h 20 min"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < _SECONDS_PER_MINUTE:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), _SECONDS_PER_MINUTE)
    if seconds < _SECONDS_PER_HOUR:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def day_text(seconds: float) -> str:
    """A day of the months around, from a moment in Unix seconds: "3 December"."""
    when = time.localtime(seconds)
    return f"{when.tm_mday} {time.strftime('%B', when)}"


def date_text(seconds: float) -> str:
    """A day of a moment in Unix seconds, where this computer is: "3 December 2026"."""
    return f"{day_text(seconds)} {time.localtime(seconds).tm_year}"


def moment_text(seconds: float) -> str:
    """A moment in Unix seconds, where this computer is: "3 December 2026, 14:05"."""
    return f"{date_text(seconds)}, {time.strftime('%H:%M', time.localtime(seconds))}"


def milliseconds_text(milliseconds: float) -> str:
    """How long one photo takes: "8 ms", "< 1 ms"."""
    return f"{milliseconds:.0f} ms" if milliseconds >= 1 else "< 1 ms"


def size_text(num_bytes: float) -> str:
    """A file's size: "17 MB", "640 kB"."""
    return f"{num_bytes / _MEGABYTE:,.0f} MB" if num_bytes >= _MEGABYTE else f"{num_bytes / 1e3:,.0f} kB"


# --- counts ----------------------------------------------------------------------------------------------


def count(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun, such as "1 photo" or "1,204 photos"; `plural` where it is not the noun with an s."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {plural or noun + 's'}"


def short_count(number: int) -> str:
    """A number of parameters, short: "950", "12.3 k", "2.26 M"."""
    if number >= 1_000_000:
        return f"{number / 1e6:.3g} M"
    return f"{number / 1e3:.3g} k" if number >= 1_000 else f"{number}"


def ordinal(number: int) -> str:
    """A place: "1st", "2nd", "13th"."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number:,}{ending}"


def queue_place_text(place: QueuePlace) -> str:
    """The place in the queue as a sentence, and the wait where it is known: "You are 4th, about 2 minutes"."""
    if place.trouble is not None:
        return place.trouble
    who = "You are next" if place.num_before == 0 else f"You are {ordinal(place.num_before + 1)}"
    return f"{who}{_wait(place)}"


def queue_place_short(place: QueuePlace) -> str:
    """The same of one of several things of one person: "next", "4th, about 2 minutes"."""
    if place.trouble is not None:
        return "nothing can be begun at the moment"
    return f"{'next' if place.num_before == 0 else ordinal(place.num_before + 1)}{_wait(place)}"


def _wait(place: QueuePlace) -> str:
    return "" if place.seconds is None else f", about {duration(place.seconds)}"


# --- names -----------------------------------------------------------------------------------------------


def quoted(class_name: str) -> str:
    """A class's name as it stands in a sentence: a class may be called *right*, *None* or *unsure*; plain text."""
    return f"“{class_name}”"


def named(class_name: str) -> str:
    """The same as Markdown, in bold."""
    return f"**{plain(quoted(class_name))}**"


def verdict(*, is_right: bool) -> str:
    """Whether an answer is right, marked by more than a word."""
    return "✓ right" if is_right else "✗ wrong"


def plain(text: str) -> str:
    """A text from outside (a file's name, a path, a query) so that Markdown shows it letter by letter."""
    return "".join(f"\\{letter}" if letter in _MARKDOWN_LETTERS else letter for letter in text)
