"""How often somebody may guess a code or a password: each address ever more slowly, and all together a few a minute.

Who guesses from a thousand addresses is held up by the limit for all. So that nobody who guesses without end keeps
everybody else out, an address that has not been wrong lately has an allowance of its own for its first tries, which
those who were wrong cannot use up.
"""

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

_FREE_TRIES = 5  # typing errors, before an address is slowed
_FIRST_WAIT_SECONDS = 5.0  # after these; doubled by each further wrong try
_LONGEST_WAIT_SECONDS = 600.0
_FORGIVEN_SECONDS = 4 * 3_600.0  # without a wrong try, after which an address is as if it had never guessed
_MAX_ADDRESSES = 8_192  # that are remembered; who was wrong longest ago is forgotten first
_IPV6_PREFIX = 64  # bits that one household or phone has: the rest it chooses itself


@dataclass(slots=True)
class _Tries:
    """What is known of an address; seconds by the guard's clock."""

    num_wrong: int
    refused_until: float
    last_at: float


class _Allowance:
    """Tries that all together have: up to `burst` after a rest, and `per_second` more (token bucket)."""

    def __init__(self, *, burst: int, per_second: float, now: float) -> None:
        self._burst = burst
        self._per_second = per_second
        self._left = float(burst)
        self._since = now

    def seconds_until_one(self, now: float) -> float:
        """How long until there is a try; 0: there is one."""
        self._left = min(self._burst, self._left + max(0.0, now - self._since) * self._per_second)
        self._since = now
        return 0.0 if self._left >= 1 else (1 - self._left) / self._per_second

    def take(self) -> None:
        self._left -= 1

    def give_back(self) -> None:
        self._left = min(self._burst, self._left + 1)


class GuessGuard:
    """Counts tries at one kind of secret; safe to share between threads.

    A try counts as wrong from its beginning, so that a hundred at the same moment are a hundred; one that was right is
    forgiven afterwards. The clock is monotonic: setting the time of the computer opens and locks nothing.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._tries: OrderedDict[str, _Tries] = OrderedDict()
        now = clock()
        # A class of thirty that comes in at once behind one router is let in; a day of guessing from any number of
        # addresses makes at most 33,000 tries, of 148 million class codes.
        self._of_new = _Allowance(burst=120, per_second=0.3, now=now)
        self._of_wrong = _Allowance(burst=30, per_second=0.08, now=now)

    def admit(self, address: str) -> float:
        """Begin a try from an address.

        Returns:
            0: it may be made. Otherwise the seconds after which the next may, and nothing must be looked at now.
        """
        address = network_of(address)
        with self._lock:
            now = self._clock()
            tries = self._tries.get(address)
            if tries is not None and now - tries.last_at > _FORGIVEN_SECONDS:
                tries = None
            if tries is not None and now < tries.refused_until:
                return tries.refused_until - now
            allowance = self._of_wrong if tries is not None and tries.num_wrong else self._of_new
            wait = allowance.seconds_until_one(now)
            if wait:
                return wait
            allowance.take()
            num_wrong = (tries.num_wrong if tries is not None else 0) + 1
            self._tries[address] = _Tries(num_wrong, now + _wait_after(num_wrong), now)
            self._tries.move_to_end(address)
            while len(self._tries) > _MAX_ADDRESSES:
                self._tries.popitem(last=False)
            return 0.0

    def forgive(self, address: str) -> None:
        """Say that a try that was admitted was right: it does not count, and neither does a typing error before it.

        So thirty people behind one router, of whom some mistype, do not hold each other up.
        """
        address = network_of(address)
        with self._lock:
            tries = self._tries.get(address)
            if tries is None:
                return
            tries.num_wrong -= 2
            tries.refused_until = min(tries.refused_until, self._clock() + _wait_after(tries.num_wrong))
            (self._of_wrong if tries.num_wrong > 0 else self._of_new).give_back()
            if tries.num_wrong <= 0:
                del self._tries[address]


def network_of(address: str) -> str:
    """An address as it is counted: of IPv6 the network, for everybody has millions of addresses in theirs."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, _IPV6_PREFIX), strict=False))
    return str(parsed)


def _wait_after(num_wrong: int) -> float:
    if num_wrong < _FREE_TRIES:
        return 0.0
    exponent = min(num_wrong - _FREE_TRIES, 16)  # beyond, only the largest wait counts
    return min(_LONGEST_WAIT_SECONDS, _FIRST_WAIT_SECONDS * 2.0**exponent)
