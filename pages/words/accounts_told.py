"""All accounts in words: what each has, by numbers alone, and when somebody was there last."""

import time
from collections.abc import Sequence
from typing import Any

from core.settings import Settings
from core.spaces.overview import AccountNow, AccountsNow
from core.spaces.records import SpaceKind
from core.storage.limits import limits_of, tell_nearly_full
from pages.words.class_told import tell_queue
from pages.words.wording import count, date_text, day_text, size_text

_LONG_SECONDS = 300 * 24 * 3600.0  # from then on a day needs its year


def tell_accounts(now: AccountsNow, settings: Settings) -> dict[str, Any]:
    """The board of administrators.

    Args:
        now: the accounts.
        settings: tell how much each may have.
    """
    limits = limits_of(settings, SpaceKind.ACCOUNT)
    num_here = sum(each.is_here for each in now.accounts)
    stored = sum(each.use.num_bytes for each in now.accounts)
    parts = [f"{size_text(stored)} stored"]
    if now.num_other_bytes:
        parts.append(f"{size_text(now.num_other_bytes)} more from times without accounts")
    return {
        "heading": f"{count(len(now.accounts), 'account')}, {num_here} here",
        "storage": " · ".join(parts),
        "hint": "",
        "spaces": [_tell_account(each, tell_nearly_full(limits, each.use)) for each in now.accounts],
        "queue": tell_queue(now.queue),
    }


def _last_visit(seconds: float) -> str:
    is_long_ago = time.time() - seconds > _LONG_SECONDS
    return f"last here on {date_text(seconds) if is_long_ago else day_text(seconds)}"


def _tell_account(account: AccountNow, nearly_full: Sequence[str]) -> dict[str, Any]:
    use = account.use
    has = [count(use.photos, "photo"), count(use.runs, "run")]
    if use.training_seconds:
        has.append(f"trained {use.training_minutes:.0f} min")
    return {
        "id": account.space.id,
        "name": account.space.name,
        "picture": "",
        "is_here": account.is_here,
        "doing": "here now" if account.is_here else _last_visit(account.space.seen_at),
        "has": " · ".join(has),
        "best": "",
        "interval": "",
        "is_doubtful": False,
        "storage": size_text(use.num_bytes) if use.num_bytes else "",
        "due": f"nearly full: {', '.join(nearly_full)}" if nearly_full else "",
    }
