"""Which photo is for training, which for validation, which for the test: stratified, seeded, honest.

Photos that belong together (one burst, near-duplicates, renderings of one photo, the same photo twice) form a *group*,
and a group goes to one split as a whole: a network that has seen one of them would find the others too easy.
Everything here is pure.
"""

from collections import Counter
from collections.abc import Iterable

from core.datasets.split.config import SplitConfig
from core.datasets.split.groups import SplitItem, gather
from core.datasets.split.ledger import SplitLedger, SplitResult, SplitUnit
from core.errors import DatasetError


def split_items(items: Iterable[SplitItem], config: SplitConfig) -> SplitResult:
    """Give every image a split.

    The fractions hold in every class as closely as the groups allow: no split of a class gets more than the share asked
    for plus one group. A class with two groups or more has photos for training and for validation, unless no
    share was asked for them or its fixed images take that away. Large groups are placed first, where they
    disturb the fractions least, which is mostly training; validation and test then have many independent photos, and
    their accuracy means more.

    Images that are fixed stay; the rest of their group follows them, the majority if they disagree (then the group is
    among the conflicts).

    Args:
        items: the images, in any order: it makes no difference.
        config: the shares and the seed.

    Raises:
        DatasetError: an image is listed twice.
    """
    items = list(items)
    if len({item.image_id for item in items}) != len(items):
        raise DatasetError("An image is listed twice, so it cannot be given one split. Load the page again.")
    free: list[SplitUnit] = []
    conflicts: list[tuple[int, ...]] = []
    ledger = SplitLedger(items, config)
    for members in gather(items):
        unit = SplitUnit.of(members, config.seed)
        fixed = Counter(item.fixed for item in members if item.fixed is not None)
        if not fixed:
            free.append(unit)
            continue
        if len(fixed) > 1:
            conflicts.append(unit.image_ids)
        leader = fixed.most_common(1)[0][0]  # members are sorted, so a tie goes to the oldest image's split
        for item in members:
            ledger.place(item, item.fixed or leader)
    ledger.expect(free)
    for unit in sorted(free, key=SplitUnit.order):
        split = ledger.choose(unit)
        for item in unit.members:
            ledger.place(item, split)
    return ledger.result(tuple(sorted(conflicts)))
