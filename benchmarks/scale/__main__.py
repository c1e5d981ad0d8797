"""Training in a Ray cluster against one computer: how much time nodes save, what each task costs more, what is lost.

    python -m benchmarks.scale [--nodes 1 2 4] [--runs 40] [--photos 20] [--keep DIR] [--without-losses]

A cluster is simulated on this machine by Ray's own `ray.cluster_utils.Cluster`: nodes of one core each, kept on cores
of their own as long as there are enough. In each cluster a race of six kinds of network is begun, and after it so many
quick runs, each with another seed, on the same drawn pictures, with the features computed anew. Nodes are warm: each
has trained before. Then a node is killed in the middle of a run, and at the end the head node with all others, and a
new cluster comes back at its address.

makespan_share   of the ideal: the time on one node by nodes (or cores, where there are fewer), over the time
overhead_ms      from the end of a task to the beginning of the next in the same process, mean: what Ray and we need
overhead_ms_without_ray   the same of a worker of our own
same_models      1: the models are the same on any number of nodes and from a worker without Ray, to the bit
lost             runs that do not end well, and finished epochs that were trained again
store_share      photos read a second through an object store, when this node has them, over those of a plain folder
"""

import argparse
import contextlib
import json
import os
import tempfile
from pathlib import Path

from benchmarks import store
from benchmarks.scale.measuring import measure
from core.errors import BluetitError
from core.settings import Settings

_STORED_PHOTOS = 300


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.scale", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--nodes", type=int, nargs="+", default=[1, 2, 4], help="sizes of the cluster")
    parser.add_argument("--runs", type=int, default=40, help="quick runs besides the race")
    parser.add_argument("--photos", type=int, default=20, help="pictures of each class")
    parser.add_argument("--keep", type=Path, help="a folder; what was measured there before is not measured again")
    parser.add_argument("--without-losses", action="store_true", help="kill nothing")
    options = parser.parse_args()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    with contextlib.ExitStack() as ends:
        folder = options.keep or Path(ends.enter_context(tempfile.TemporaryDirectory(ignore_cleanup_errors=True)))
        settings = Settings(
            workspace_dir=folder, workers="auto", package_after_training=False, worker_dead_after_seconds=5.0
        )
        figures = measure(
            settings,
            options.nodes,
            num_runs=options.runs,
            num_photos=options.photos,
            has_losses=not options.without_losses,
        )
        with tempfile.TemporaryDirectory(prefix="bluetit-store-") as store_folder, store.store_here() as url:
            stored = store.measure(Path(store_folder), url, num_photos=_STORED_PHOTOS)
        print(json.dumps(figures | {"store_share": stored["store_share"]}))


if __name__ == "__main__":
    try:
        main()
    except BluetitError as exc:
        raise SystemExit(str(exc)) from exc
