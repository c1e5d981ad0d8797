"""Whether a folder is on a network file system, where what several hosts do at once must be written more carefully."""

from collections.abc import Iterable
from pathlib import Path
from typing import Protocol

import psutil

# As the systems call them; FUSE may be anything, and most of what it is used for is somewhere else.
_NETWORK_FILE_SYSTEMS = frozenset(
    {
        *("nfs", "nfs3", "nfs4", "cifs", "smb", "smb2", "smb3", "smbfs", "afpfs", "afs", "ncpfs", "9p", "virtiofs"),
        *("ceph", "glusterfs", "lustre", "gpfs", "beegfs", "orangefs", "pvfs2", "ocfs2", "gfs2", "webdav", "davfs"),
        *("vboxsf", "vmhgfs", "prl_fs"),
    }
)
_FUSE = "fuse"
_REMOTE_DRIVE = "remote"  # what psutil says of a drive of Windows


class Mount(Protocol):
    """A file system at its place in the tree of folders, as psutil lists them."""

    mountpoint: str
    fstype: str
    opts: str


def is_on_network(folder: Path, mounts: Iterable[Mount] | None = None) -> bool:
    """Whether several hosts may have this folder; in doubt they may.

    Args:
        folder: need not exist yet.
        mounts: the mounted file systems; None: those of this machine.
    """
    if str(folder).startswith("\\\\"):  # \\server\share, of Windows
        return True
    folder = folder.resolve()
    found = psutil.disk_partitions(all=True) if mounts is None else mounts
    # Of several mounted at one place, the last one is what is seen.
    holding = [mount for mount in found if folder.is_relative_to(mount.mountpoint)]
    if not holding:
        return False
    mount = max(enumerate(holding), key=lambda item: (len(Path(item[1].mountpoint).parts), item[0]))[1]
    kind = mount.fstype.lower()
    return kind in _NETWORK_FILE_SYSTEMS or kind.startswith(_FUSE) or _REMOTE_DRIVE in mount.opts.split(",")
