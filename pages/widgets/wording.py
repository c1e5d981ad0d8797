"""Numbers and names as people write them."""

# What a model says that knows no answer, as Markdown: with a mark, in other letters; a class may have this very name.
I_DO_NOT_KNOW = ":material/help: *I don't know*"

_MARKDOWN_LETTERS = r"\`*_{}[]()#+-!|<>~:$&^="


def percent(probability: float) -> str:
    """A probability, 0-1, as a percentage: one decimal where rounding would claim certainty or nothing."""
    value = probability * 100
    if 0.95 <= value <= 99.05:
        return f"{value:.0f} %"
    return "< 0.1 %" if value < 0.05 else f"{min(value, 99.9):.1f} %"


def duration(seconds: float) -> str:
    """A time left, rounded to what a person wants to know."""
    if seconds < 1.5:
        return "a second"
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes"


def time_left(seconds: float | None) -> str:
    """How long something will still take, to put behind what is being done; nothing where that is not known."""
    return "" if seconds is None else f" · about {duration(seconds)} left"


def count(number: int, noun: str, plural: str = "") -> str:
    """A number with its noun, such as "1 photo" or "1,204 photos"; `plural` where it is not the noun with an s."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {plural or noun + 's'}"


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
