"""Folders that several hosts may have are told from those of one host."""

from collections import namedtuple
from pathlib import Path

import pytest

from core.storage.network_folder import is_on_network

Mount = namedtuple("Mount", "mountpoint fstype opts")  # as psutil gives them

MOUNTS = [
    Mount("/", "ext4", "rw"),
    Mount("/home", "nfs4", "rw,vers=4.2"),
    Mount("/home/local", "xfs", "rw"),
    Mount("/mnt/share", "cifs", "rw"),
    Mount("/mnt/ssh", "fuse.sshfs", "rw"),
    Mount("/mnt/twice", "ext4", "rw"),
    Mount("/mnt/twice", "nfs", "rw"),
    Mount("/drive", "NTFS", "rw,remote"),
    Mount("/tmp", "tmpfs", "rw"),
]


@pytest.mark.parametrize(
    ("folder", "expected"),
    [
        ("/data/cache", False),
        ("/tmp/cache", False),
        ("/home/tit/cache", True),
        ("/home/local/cache", False),
        ("/home2/cache", False),
        ("/mnt/share", True),
        ("/mnt/ssh/deep/down", True),
        ("/mnt/twice/cache", True),
        ("/drive/cache", True),
    ],
)
def test_the_file_system_that_holds_a_folder_decides(folder: str, expected: bool):
    """The innermost one counts, and of two at one place the one that was mounted last."""
    assert is_on_network(Path(folder), MOUNTS) is expected


def test_a_share_of_windows_needs_no_drive():
    r"""A path such as \\server\share is on the network, whatever is mounted."""
    assert is_on_network(Path(r"\\server\share\cache"), MOUNTS)


def test_the_mounts_of_this_machine_can_be_read(tmp_path: Path):
    """A temporary folder, which need not exist, is on no network here."""
    assert is_on_network(tmp_path / "not" / "there") is False
