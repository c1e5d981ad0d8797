"""Numbers as people write them."""


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


def count(number: int, noun: str) -> str:
    """A number with its noun, such as "1 photo" or "1,204 photos"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
