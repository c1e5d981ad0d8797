"""A Ray cluster on this machine."""

import contextlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil

_OBJECT_STORE_BYTES = 80 * 2**20  # the least that Ray takes; nothing of ours goes through it


class Nodes:
    """A cluster on this machine; as a context it is gone afterwards."""

    def __init__(self, num_nodes: int, *, port: int | None = None) -> None:
        from ray.cluster_utils import Cluster

        head: dict[str, Any] = {"num_cpus": 0, **self._size()} | ({"gcs_server_port": port} if port else {})
        self.cluster = Cluster(initialize_head=True, head_node_args=head)
        cores = sorted(os.sched_getaffinity(0))
        self.nodes = [self._add(cores[number % len(cores)]) for number in range(num_nodes)]
        os.environ["RAY_ADDRESS"] = self.address

    @property
    def address(self) -> str:
        """Where its head node answers."""
        return str(self.cluster.address)

    def __enter__(self) -> "Nodes":
        return self

    def __exit__(self, *_: object) -> None:
        self.cluster.shutdown()

    def kill_node_of(self, pid: int) -> None:
        """Kill the node that a worker's process belongs to, the process included."""
        process = psutil.Process(pid)
        above = {parent.pid for parent in process.parents()}
        node = next(each for each in self.nodes if above & _raylets(each))
        self.nodes.remove(node)
        self.cluster.remove_node(node, allow_graceful=False)
        with contextlib.suppress(psutil.NoSuchProcess):  # it has noticed by itself
            process.kill()

    def _add(self, core: int) -> Any:
        with kept_on({core}):
            return self.cluster.add_node(num_cpus=1, **self._size())

    def _size(self) -> dict[str, Any]:
        return {"object_store_memory": _OBJECT_STORE_BYTES, "include_dashboard": False}


def _raylets(node: Any) -> set[int]:
    return {each.process.pid for each in node.all_processes["raylet"]}


def first_core() -> int:
    """The number of a core that this process may use."""
    return min(os.sched_getaffinity(0))


@contextmanager
def kept_on(cores: set[int]) -> Iterator[None]:
    """Have processes that are begun meanwhile run on these cores alone."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)
