"""The way into a Ray cluster, with everything that goes wrong there in our own words."""

import os
import socket
from dataclasses import dataclass
from types import ModuleType

from core.errors import ClusterError

# What those who wait are told; what exactly is wrong stands in the log, for whoever runs the cluster.
UNREACHABLE = (
    "Training waits: the computers for it (the Ray cluster) cannot be reached. It begins by itself once they are back; "
    "nothing is lost."
)
OTHER_VERSION = (
    "Training waits: a computer for it has another version of the software than this server. Whoever looks after the "
    "server has to install the same on both; nothing is lost."
)
TOO_SMALL = (
    "Training waits: no computer of the Ray cluster is as large as a training is set to need. Whoever looks after the "
    "server can change that; nothing is lost."
)
NODE_FAILS = (
    "Training waits: a computer for it does not work at present. Whoever looks after the server finds the cause in its "
    "log; nothing is lost."
)

_PROBE_SECONDS = 3.0
# A process whose cluster is gone is ended by Ray after so long; a minute, as it is by itself, is long to wait in vain.
_LOST_SECONDS = "15"


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """What one training gets of a cluster."""

    num_cpus: int
    num_gpus: int  # whole ones; 0: the cluster has none


def connect(address: str) -> ModuleType:
    """Enter a cluster and hand out the library that speaks with it.

    Args:
        address: "auto" for the cluster that this computer belongs to, or "ray://host:port".

    Raises:
        ClusterError: the library is not installed, nobody answers, or the cluster has another version.
    """
    os.environ.setdefault("RAY_gcs_rpc_server_reconnect_timeout_s", _LOST_SECONDS)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is told to anybody
    try:
        import ray
    except ImportError as exc:
        raise ClusterError(
            "BLUETIT_WORKERS asks for a Ray cluster, and Ray is not installed here. Install it: "
            'pip install "bluetit[ray]".',
            told=UNREACHABLE,
        ) from exc
    if address == "auto":
        address = os.environ.get("RAY_ADDRESS") or address
    _probe(address)
    try:
        ray.init(address=address, namespace="bluetit", log_to_driver=False, configure_logging=False)
    # Ray tells nearly everything by RuntimeError or an error of its own, of the network by those of sockets or gRPC.
    except Exception as exc:
        ray.shutdown()
        is_version = "version" in str(exc).casefold()
        raise ClusterError(
            f"The Ray cluster ({address}) does not let this server in: {str(exc).strip() or type(exc).__name__}",
            told=OTHER_VERSION if is_version else UNREACHABLE,
        ) from exc
    return ray


def _probe(address: str) -> None:
    """Find out in seconds what Ray itself would wait a minute for."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not host or not port.isdecimal():
        return
    try:
        socket.create_connection((host, int(port)), timeout=_PROBE_SECONDS).close()
    except OSError as exc:
        raise ClusterError(
            f"Nobody answers at {address}, the Ray cluster's head node: {exc}.", told=UNREACHABLE
        ) from exc


def share_of(ray: ModuleType, *, num_cpus: int, num_gpus: int) -> Share:
    """What a training gets of this cluster: whole GPUs where it has any, processor cores elsewhere.

    Args:
        ray: from `connect`.
        num_cpus: that it is to get where there are no GPUs.
        num_gpus: that it is to get where there are.

    Raises:
        ClusterError: no node has as much, so that Ray would wait for ever.
    """
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    has_gpus = any(node.get("GPU", 0) for node in nodes)
    share = Share(num_cpus=1 if has_gpus else num_cpus, num_gpus=num_gpus if has_gpus else 0)
    most_gpus, most_cpus = (max((node.get(name, 0) for node in nodes), default=0) for name in ("GPU", "CPU"))
    if most_gpus < share.num_gpus or most_cpus < share.num_cpus:
        raise ClusterError(
            f"No node of the Ray cluster has {share.num_cpus} processor cores and {share.num_gpus} GPUs; the largest "
            f"numbers are {most_cpus:g} and {most_gpus:g}. Change BLUETIT_RAY_CPUS or BLUETIT_RAY_GPUS, or add nodes.",
            told=TOO_SMALL,
        )
    return share
