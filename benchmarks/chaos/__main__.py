"""Whether anything that was promised is lost when server and workers are killed at any moment.

    python -m benchmarks.chaos --kills N [--seed S] [--minutes M] [--houses H] [--workspace DIR]

A server is started on a workspace of its own, with the default network prepared. In each of three spaces a visitor
makes datasets, imports photos, edits, undoes, trains, exports, takes projects out and brings them in. Server, workers,
or all of them are killed with SIGKILL at random moments, and started again. What visitors were told is written down
outside of the database; after each kill it is compared with what is there: photos, labels, splits and marks, what can
be undone, finished epochs, imports whole or not at all, tasks in the hands of a living worker, and SQLite's own checks.
At the end everything that was begun must come to its end, and after the sweep no file may lie there that belongs to
nothing.

`kills_by_victim` counts a server together with its visitors, who stand for its sessions, as one. The first broken
promise ends the run, and the workspace is kept where `--workspace` names one. The exit code is 1 then.
"""

import argparse
import json
import math
import tempfile
import time
from pathlib import Path

from benchmarks.chaos.attack import attack_all
from benchmarks.train import tell
from core.errors import BluetitError


def main() -> None:
    """Run the benchmark and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=20, help="how many, in all houses together")
    parser.add_argument("--minutes", type=float, default=math.inf, help="no longer than so many, for kills alone")
    parser.add_argument("--seed", type=int, default=None, help="of everything drawn at random; default: the clock's")
    parser.add_argument("--houses", type=int, default=1, help="servers at once; the first trains networks, too")
    parser.add_argument("--workspace", type=Path, default=None, help="folder that is kept; must not exist yet")
    arguments = parser.parse_args()
    seed = int(time.time()) % 1_000_000 if arguments.seed is None else arguments.seed
    tell(f"seed {seed}")
    with tempfile.TemporaryDirectory(prefix="bluetit-chaos-") as name:
        folder = (arguments.workspace or Path(name) / "kept").resolve()
        report = attack_all(folder, arguments.houses, arguments.kills, seconds=60 * arguments.minutes, seed=seed)
    print(json.dumps({"seed": seed, "houses": arguments.houses, **report.to_json()}))
    if report.broken:
        raise SystemExit(1)


if __name__ == "__main__":
    try:
        main()
    except BluetitError as exc:
        raise SystemExit(str(exc)) from exc
