"""What a column of the database holds on every system, for values that come from elsewhere."""

LARGEST_NUMBER = 2**31 - 1  # of a whole number: PostgreSQL's have 32 bits
_LATEST_MOMENT = 3e10  # Unix seconds, the year 2920: Windows turns later ones into no date


def is_moment(seconds: float) -> bool:
    """Whether a number can be a time in Unix seconds; none and infinity cannot."""
    return 0 <= seconds <= _LATEST_MOMENT
