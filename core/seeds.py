"""Seeds of the layers of a network, from the single one of a run."""

import numpy as np


def layer_seeds(seed: int, count: int) -> list[int]:
    """Different seeds for the layers of one network, of 31 bits, made from a single one."""
    return [int(state) >> 1 for state in np.random.SeedSequence(seed).generate_state(count)]
