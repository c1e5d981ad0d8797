"""Work as somebody whom permissions hold back: the superuser, as whom containers run tests, reads everything."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_NOBODY = 65534


@contextmanager
def ordinary_user() -> Iterator[Path]:
    """A folder of somebody who is not the superuser, and who this process is meanwhile."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)
        is_superuser = os.geteuid() == 0
        if is_superuser:
            os.seteuid(_NOBODY)
        try:
            yield folder
        finally:
            if is_superuser:
                os.seteuid(0)
            for parent, folders, _ in os.walk(folder):
                for each in folders:  # before they are walked into
                    os.chmod(os.path.join(parent, each), 0o700)


def close_folder(folder: Path) -> Path:
    """Make a folder that is there for all to see and for nobody to look into."""
    folder.mkdir(parents=True)
    folder.chmod(0o000)
    return folder
