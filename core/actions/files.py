"""The reactions of a model in the folder of its run: a JSON file, and beside it what is shown and heard.

Files are named by the SHA-256 of their bytes and lie in the run's folder itself, as the model's do, so that they go
wherever it goes. None is ever changed.
"""

import hashlib
from pathlib import Path

from core.actions.records import PICTURE_SUFFIX, Actions
from core.actions.sounds import MAX_SOUND_BYTES, sound_suffix
from core.errors import ActionError, ImageError
from core.photos.decode import decode_image
from core.photos.fit import thumbnail_jpeg
from core.photos.limits import ImageLimits
from core.runs.folder import RunFolder, is_action_file
from core.storage.files import translating_disk_errors, write_atomically

MAX_PICTURE_BYTES = 20_000_000  # as it is chosen
MAX_KEPT_BYTES = 40_000_000  # of the files of all reactions of a model: a page that holds them is still to be sent
PICTURE_SIDE_PX = 1_600  # longest side, as it is kept
_PICTURE_QUALITY = 88
_MAX_PIXELS = 60_000_000
_JPEG_START = b"\xff\xd8\xff"


def read_actions(folder: RunFolder) -> Actions:
    """The reactions of a run's model; none where nobody has chosen any.

    Raises:
        ActionError: the file is damaged.
        StorageError: it cannot be read.
    """
    if not folder.actions_path.is_file():
        return Actions()
    return Actions.from_json(folder.read_json(folder.actions_path))


def write_actions(folder: RunFolder, actions: Actions) -> None:
    """Keep reactions, and delete the files that they do not need.

    Raises:
        NoSpaceError: the disk is full; the older ones are as they were.
        StorageError: the file cannot be written.
    """
    folder.write_json(folder.actions_path, actions.to_json())
    folder.forget(*(path for path in folder.action_files() if path.name not in actions.files))


def kept_picture(data: bytes) -> bytes:
    """A picture as it is kept: decoded, without metadata, at most `PICTURE_SIDE_PX` long, JPEG.

    Raises:
        ActionError: it is no picture that can be read.
    """
    limits = ImageLimits(max_bytes=MAX_PICTURE_BYTES, max_pixels=_MAX_PIXELS)
    try:
        image = decode_image(data, "The picture", limits=limits, shortest_side_px=PICTURE_SIDE_PX)
    except ImageError as exc:
        raise ActionError(str(exc)) from exc
    return thumbnail_jpeg(image, PICTURE_SIDE_PX, quality=_PICTURE_QUALITY)


def put_file(folder: RunFolder, data: bytes, suffix: str) -> str:
    """Write a file of a reaction, and give its name; one that is there already is taken as it is.

    Args:
        folder: of the run.
        data: from `kept_picture`, or a sound.
        suffix: ".jpg", or from `sound_suffix`.

    Raises:
        ActionError: the reactions of the model would have more than `MAX_KEPT_BYTES` together.
        StorageError: the file cannot be written.
    """
    path = folder.place_of_action(f"{hashlib.sha256(data).hexdigest()}{suffix}")
    with translating_disk_errors(path):
        if path.is_file() and path.stat().st_size == len(data):
            return path.name
        kept = sum(each.stat().st_size for each in folder.action_files())
    if kept + len(data) > MAX_KEPT_BYTES:
        raise ActionError(
            f"The pictures and sounds of this model would have {(kept + len(data)) / 1e6:.0f} MB; at most "
            f"{MAX_KEPT_BYTES / 1e6:.0f} MB are possible. Take some away, or choose shorter sounds."
        )
    with write_atomically(path) as draft:
        draft.write_bytes(data)
    folder.keep()
    return path.name


def check_file(path: Path) -> None:
    """Refuse a file of a reaction that is not what its name says: a stranger may have written it.

    Raises:
        ActionError: its bytes have another hash, or are no picture or sound of that kind.
        StorageError: it cannot be read.
    """
    limit = MAX_PICTURE_BYTES if path.suffix == PICTURE_SUFFIX else MAX_SOUND_BYTES
    with translating_disk_errors(path):
        data = path.read_bytes() if path.stat().st_size <= limit else b""
    if not is_action_file(path.name) or hashlib.sha256(data).hexdigest() not in path.name:
        raise ActionError(f"The file {path.name[:90]} of a reaction is not what its name says.")
    if path.suffix != PICTURE_SUFFIX:
        if sound_suffix(data) != path.suffix:
            raise ActionError(f"The sound {path.name[:90]} is of another kind than its name says.")
    elif not data.startswith(_JPEG_START):
        raise ActionError(f"The picture {path.name[:90]} is no JPEG.")
    else:
        kept_picture(data)
