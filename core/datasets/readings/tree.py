"""The folders that photos lie in, with everything taken out that is no class: splits, wrappers, `images/`.

Photos in a folder that is called as people call what they have not sorted yet (`unlabelled`, `to sort`), at any depth,
have no class, whatever the folders inside are called; the others are read as if those were not there. Of them these
rules hold, in the order in which they apply:

1. A folder that holds nothing but folders which also stand beside it, with the same files or inside a folder of its
   own name, is a wrapper that repeats them, as data sets are packed that contain themselves
   (`cell_images/cell_images/cat` beside `cell_images/cat`). So is a folder whose only content is a folder of the same
   name.
2. A folder named like a split is one when all folders beside it are named so too, or when one of those that are has
   folders inside. So `test/cats/1.jpg` beside `cats/2.jpg` is the test split, while a folder `test` that holds photos
   itself, beside a folder `cats`, is a class. Several folders that all mean the same split and hold photos themselves
   (`test1`, `test2`) are classes. Only the outermost split of a path counts.
3. Folders that all photos share are stripped, but for the last one where it holds all the photos: it is the class. A
   few strays beside the only folder, in which the class folders are, change nothing: a picture for the README.
4. A folder called `images` or the like is no class where no other folder stands beside it in the same split; neither is
   one whose name comes back below every class (`cats/full/1.jpg`, `dogs/full/2.jpg`).
"""

import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from core.datasets.archives.series import ARCHIVE_ENDINGS, archive_stem
from core.datasets.incoming_paths import normalise_path
from core.datasets.readings.listing import ListedFile
from core.datasets.readings.split_names import Role, framed_role_of, is_unsorted, role_of, without_accents

DEFAULT_CLASS_NAME = "photos"  # of photos without a folder in an archive without a name

_GENERIC_NAMES = frozenset(
    (
        *("images", "image", "imgs", "img", "photos", "photo", "pictures", "pics", "pic", "jpg", "jpeg", "jpegs"),
        *("jpegimages", "png", "pngs", "ppm", "tif", "tiff", "bilder", "bild", "fotos", "foto", "imagenes", "imagens"),
        *("immagini", "data", "frames", "raw", "original", "originals", "samples", "files", "thumbs"),
    )
)

# Of the files in a wrapper, as many must also stand beside it.
_LEAST_SHARE_OF_TWINS = 0.5
# Of all photos: as few may lie beside the folder of the class folders without being taken for a class.
_MOST_STRAYS = 0.1

Folders = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LocatedPhoto:
    """A photo with the folders that may name its class."""

    file: ListedFile
    folders: Folders  # outermost first; what is no class is taken out
    role: Role | None  # None: no split folder

    @property
    def path(self) -> str:
        """As given."""
        return self.file.path


def locate(photos: Sequence[ListedFile], root_name: str) -> list[LocatedPhoto]:
    """Every photo with the folders that may name its class; empty where nothing does.

    Args:
        photos: what may be photos.
        root_name: of the class where all photos lie beside one folder with more of them.
    """
    unsorted = [LocatedPhoto(photo, (), Role.UNLABELLED) for photo in photos if any(map(is_unsorted, photo.folders))]
    others = [photo for photo in photos if not any(map(is_unsorted, photo.folders))]
    collapsed = _without_repeated_wrappers(others)
    by_collapsed = _split_off_roles(set(collapsed.values()))
    located = [LocatedPhoto(photo, *by_collapsed[collapsed[photo.folders]]) for photo in others]
    return [*_without_generic_folders(_without_shared_folders(located, root_name)), *unsorted]


def root_class_name(archive_name: str) -> str:
    """The name of an archive or folder as a class or dataset may have it: without folders and archive endings."""
    name = unicodedata.normalize("NFC", normalise_path(archive_name).rpartition("/")[2])
    return DEFAULT_CLASS_NAME if name.casefold() in ("", *ARCHIVE_ENDINGS) else archive_stem(name)


# --- wrappers that repeat what stands beside them ---------------------------------------------------------------


def _without_repeated_wrappers(photos: Sequence[ListedFile]) -> dict[Folders, Folders]:
    """Every folder to what is left of its path."""
    names_in: defaultdict[Folders, set[str]] = defaultdict(set)
    for photo in photos:
        names_in[photo.folders].add(photo.name)
    current = {folders: folders for folders in names_in}
    while True:
        tree = _Tree(current.values())
        files = {(folders, name) for original, folders in current.items() for name in names_in[original]}
        repeated = {
            folder
            for folder in tree.children
            if folder and not tree.holds_photos(folder) and _repeats_its_siblings(folder, tree, files)
        }
        if not repeated:
            return current
        # The outermost first, one level a round: what is inside may look different then.
        depth = min(len(folder) for folder in repeated)
        shortened = {}
        for original, folders in current.items():
            is_inside = len(folders) > depth and folders[:depth] in repeated
            shortened[original] = folders[: depth - 1] + folders[depth:] if is_inside else folders
        current = shortened


def _repeats_its_siblings(folder: Folders, tree: "_Tree", files: Collection[tuple[Folders, str]]) -> bool:
    """Whether a folder without photos of its own wraps what also stands beside it, or a folder of its own name."""
    parent, name = folder[:-1], folder[-1].casefold()
    inner = {child.casefold() for child in tree.children[folder]}
    if inner == {name}:
        return True
    beside = {other.casefold() for other in tree.children[parent]} - {name}
    if not inner <= beside or role_of(folder[-1]) is not None:
        return False
    if parent and parent[-1].casefold() == name:
        return True
    inside = [(folders, file_name) for folders, file_name in files if folders[: len(folder)] == folder]
    num_twins = sum((parent + folders[len(folder) :], file_name) in files for folders, file_name in inside)
    return num_twins >= _LEAST_SHARE_OF_TWINS * len(inside)


class _Tree:
    """Folders with what is directly inside."""

    def __init__(self, folders_of: Iterable[Folders]) -> None:
        self._with_photos = set(folders_of)
        self.children: defaultdict[Folders, set[str]] = defaultdict(set)
        for folders in self._with_photos:
            for depth, folder in enumerate(folders):
                self.children[folders[:depth]].add(folder)

    def holds_photos(self, folder: Folders) -> bool:
        return folder in self._with_photos


# --- splits -----------------------------------------------------------------------------------------------------


def _split_off_roles(folders_of: set[Folders]) -> dict[Folders, tuple[Folders, Role | None]]:
    tree = _Tree(folders_of)
    roles_of: dict[Folders, dict[str, Role]] = {}
    for parent, names in list(tree.children.items()):
        roles_of[parent] = _roles_at(parent, names, tree)
    return {folders: _split_off(folders, roles_of, tree) for folders in folders_of}


def _split_off(
    folders: Folders, roles_of: Mapping[Folders, Mapping[str, Role]], tree: _Tree
) -> tuple[Folders, Role | None]:
    for depth, folder in enumerate(folders):
        role = roles_of[folders[:depth]].get(folder)
        if role is None:
            continue
        inner = depth + 1
        # seg_train/train/cats, as some data sets are packed
        while inner < len(folders) and role_of(folders[inner]) is role and folders[: inner + 1] in tree.children:
            inner += 1
        return folders[:depth] + folders[inner:], role
    return folders, None


def _roles_at(parent: Folders, names: set[str], tree: _Tree) -> dict[str, Role]:
    """The folders inside another one that are splits, with what each is for (rule 2)."""
    roles = {name: role for name in names if (role := role_of(name)) is not None} | _framed_roles(names)
    has_inner = any((*parent, name) in tree.children for name in roles)
    if len(roles) < len(names) and not has_inner:
        return {}
    if len(roles) > 1 and len(set(roles.values())) == 1 and not has_inner:
        return {}
    return roles


def _framed_roles(names: set[str]) -> dict[str, Role]:
    """`flowers_train` and `flowers_test`: splits by what they have in common."""
    framed: defaultdict[Folders, dict[str, Role]] = defaultdict(dict)
    for name in names:
        found = framed_role_of(name)
        if found is not None and found[1]:
            framed[found[1]][name] = found[0]
    return {name: role for roles in framed.values() if len(set(roles.values())) > 1 for name, role in roles.items()}


# --- folders that say nothing -------------------------------------------------------------------------------------


def _without_shared_folders(found: list[LocatedPhoto], root_name: str) -> list[LocatedPhoto]:
    """Take off the folders that all photos lie in; where nothing would be left of any, the last one stays."""
    distinct = {photo.folders for photo in found}
    if not distinct:
        return []
    strays = _strays(found)
    if strays:
        sorted_ones = [photo for photo in found if photo.path not in strays]
        loose = [replace(photo, folders=()) for photo in found if photo.path in strays]
        return [*_without_shared_folders(sorted_ones, root_name), *loose]
    num_shared = _num_shared(distinct)
    shared = min(distinct)[:num_shared]
    kept: Folders = ()
    if len(distinct) == 1:
        # `flowers/images/1.jpg`: of photos without class folders the name of the set says more.
        kept = tuple(folder for folder in shared if not _is_generic(folder))[-1:]
    elif _has_one_folder_beside_photos(found, num_shared):
        kept = shared[-1:] or (root_name,)
    return [replace(photo, folders=kept + photo.folders[num_shared:]) for photo in found]


def _strays(found: Sequence[LocatedPhoto]) -> set[str]:
    """Paths of the few photos that lie outside of the only folder with folders in it."""
    for depth in range(max(len(photo.folders) for photo in found)):
        outside = {photo.path for photo in found if len(photo.folders) <= depth}
        inside = {photo.folders[: depth + 2] for photo in found if len(photo.folders) > depth}
        if len({folders[: depth + 1] for folders in inside}) != 1:
            return set()
        are_class_folders = len(inside) > 1 and all(len(folders) == depth + 2 for folders in inside)
        if outside and are_class_folders and len(outside) <= _MOST_STRAYS * len(found):
            return outside
    return set()


def _num_shared(distinct: Iterable[Folders]) -> int:
    first, last = min(distinct), max(distinct)  # whatever these two share, all share
    return next(
        (depth for depth, (one, other) in enumerate(zip(first, last, strict=False)) if one != other),
        min(len(first), len(last)),
    )


def _has_one_folder_beside_photos(found: Sequence[LocatedPhoto], depth: int) -> bool:
    """Whether photos lie beside a single folder with more of them: one class or two, nobody knows."""
    folders = {photo.folders[depth] for photo in found if len(photo.folders) > depth}
    is_generic = all(_is_generic(folder) for folder in folders)
    return (
        len(folders) == 1
        and not is_generic
        and any(len(photo.folders) == depth and photo.role is None for photo in found)
    )


def _without_generic_folders(found: list[LocatedPhoto]) -> list[LocatedPhoto]:
    """Take out `images` and the like, as long as photos are left whose class a folder names (rule 4)."""
    while True:
        generic: set[tuple[Role | None, Folders]] = set()
        for role in {photo.role for photo in found}:
            tree = _Tree({photo.folders for photo in found if photo.role is role})
            generic |= {(role, folders) for folders in _generic_folders(tree) | _folders_below_every_class(tree)}
        shortened = [replace(photo, folders=_without(photo, generic)) for photo in found]
        if not generic or not any(photo.folders for photo in shortened):
            return found
        found = shortened


def _generic_folders(tree: _Tree) -> set[Folders]:
    return {
        (*parent, next(iter(names)))
        for parent, names in tree.children.items()
        if len(names) == 1 and _is_generic(next(iter(names)))
    }


def _folders_below_every_class(tree: _Tree) -> set[Folders]:
    """Folders of one name that are all there is in every outermost folder."""
    classes = tree.children.get((), set())
    inner = {frozenset(tree.children.get((name,), ())) for name in classes}
    if len(classes) < 2 or len(inner) != 1 or any(tree.holds_photos((name,)) for name in classes):
        return set()
    names = next(iter(inner))
    return {(name, inner_name) for name in classes for inner_name in names} if len(names) == 1 else set()


def _without(photo: LocatedPhoto, generic: set[tuple[Role | None, Folders]]) -> Folders:
    return tuple(
        folder for depth, folder in enumerate(photo.folders) if (photo.role, photo.folders[: depth + 1]) not in generic
    )


def _is_generic(folder: str) -> bool:
    return without_accents(folder.casefold()).strip("_- ") in _GENERIC_NAMES
