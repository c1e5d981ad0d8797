"""Loads one LiteRT file, asks it once, and tells what it takes and gives.

    python -m core.projects.network_trial FILE

Runs apart from everything else, with little memory: the file comes from a stranger.
"""

import contextlib
import json
import sys
from pathlib import Path

import numpy as np

from core.litert.engine import LiteRTModel

# Beyond what the process has already, which is mostly address space that it never touches.
_MAX_MEMORY_BYTES = 4_000_000_000


def main() -> None:
    """Print one line of JSON: `image_size`, `num_features`, `num_classes`."""
    _limit_memory()
    model = LiteRTModel(Path(sys.argv[1]).read_bytes(), num_threads=1)
    outputs = model.run(np.zeros((*model.image_size, 3), np.uint8))
    if not all(np.isfinite(values).all() for values in (outputs.probabilities, outputs.features)):
        sys.exit("The network answers with something else than numbers.")
    shape = {
        "image_size": list(model.image_size),
        "num_features": model.num_features,
        "num_classes": model.num_classes,
    }
    print(json.dumps(shape))


def _limit_memory() -> None:
    with contextlib.suppress(ImportError, ValueError, OSError):  # Windows has no such limit, some systems refuse it
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MAX_MEMORY_BYTES, _MAX_MEMORY_BYTES))


if __name__ == "__main__":
    main()
