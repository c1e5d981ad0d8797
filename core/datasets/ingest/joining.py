"""Archives that belong together become parts of an import: what is one is joined, what is not keeps a folder each."""

import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from core.datasets.archives.series import ArchiveGroup, archive_folder, group_archives, name_without_copy
from core.datasets.ingest.parts import ArchivePart, FoundArchive, Part, open_found
from core.datasets.ingest.workplace import Workplace
from core.errors import ArchiveError, SourceError

_PEEKED_ENTRIES = 50  # of an archive, to see whether its files lie in folders


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """Archives as parts of an import."""

    parts: tuple[tuple[str, Part], ...]  # what is put before the paths of each, with a slash, or empty
    refused: tuple[tuple[str, str], ...]  # (name, reason)
    notes: tuple[str, ...]  # sentences for people


def group_found(archives: Sequence[FoundArchive], workplace: Workplace) -> list[ArchiveGroup]:
    """Which of the archives of one place belong together, as far as names and, where those do not do, contents tell."""
    names = [archive.name for archive in archives]
    groups: list[ArchiveGroup] = []
    for group in group_archives(names):
        if group.is_series and not group.is_download and not _has_folders(archives[group.members[0]], workplace):
            # "class-001.zip" and "class-002.zip" with nothing but photos may well be two classes.
            groups += [ArchiveGroup(name=names[place], members=(place,)) for place in group.members]
        else:
            groups.append(group)
    return groups


def _has_folders(archive: FoundArchive, workplace: Workplace) -> bool:
    """Whether files of an archive lie in folders, or beside files of the same stem as in a WebDataset's shards."""
    try:
        with open_found(archive.name, [archive.location], workplace) as opened:
            paths = [entry.path for entry in itertools.islice(opened.entries(), _PEEKED_ENTRIES)]
    except ArchiveError:
        return False  # said when the archive itself is read
    stems = Counter(path.rpartition("/")[2].partition(".")[0] for path in paths)
    return any("/" in path for path in paths) or any(count > 1 for count in stems.values())


def join_archives(
    groups: Sequence[tuple[str, ArchiveGroup]],
    archives: Sequence[FoundArchive],
    workplace: Workplace,
    *,
    is_alone: bool,
) -> Joined:
    """A part for each archive or joined archive, with the folder that it stands for.

    Args:
        groups: each with the folder in which its archives lie, with a slash, or empty.
        archives: those that the groups speak of.
        workplace: of the import.
        is_alone: whether there is nothing beside them, so that they need no folder of their own.

    Raises:
        SourceError: there is only a divided archive, and pieces of it are missing.
    """
    parts: list[tuple[str, Part]] = []
    refused: list[tuple[str, str]] = []
    notes: list[str] = []
    taken: set[str] = set()
    for parent, group in groups:
        members = [archives[place] for place in group.members]
        if group.is_divided and group.missing:
            refused.append((parent + group.name, _incomplete_reason(group)))
            continue
        prefix = parent if is_alone else f"{_free_folder(parent + _folder_name(group), taken)}/"
        if group.is_series:
            members, doubles = _without_doubles(members)
            parts += [(prefix, ArchivePart(member.path, [member.location], workplace)) for member in members]
            notes += [f"{double.path!r} is the same archive once more, and was left out." for double in doubles]
        else:
            paths = [member.location for member in members] if group.is_divided else [members[0].location]
            parts.append((prefix, ArchivePart(parent + group.name, paths, workplace)))
        notes += _notes_on(group)
    if not parts and len(refused) == 1 and len(groups) == 1 and is_alone:
        raise SourceError(f"{refused[0][0]!r} cannot be read: {refused[0][1]}")
    return Joined(parts=tuple(parts), refused=tuple(refused), notes=tuple(notes))


def _without_doubles(members: Sequence[FoundArchive]) -> tuple[list[FoundArchive], list[FoundArchive]]:
    """The parts of a series, and those that a browser downloaded twice: the same name but for "(1)", as many bytes."""
    seen: set[tuple[str, int]] = set()
    kept: list[FoundArchive] = []
    doubles: list[FoundArchive] = []
    for member in sorted(members, key=lambda member: name_without_copy(member.name) != member.name):
        key = name_without_copy(member.name), member.location.stat().st_size
        (doubles if key in seen else kept).append(member)
        seen.add(key)
    return kept, doubles


def _folder_name(group: ArchiveGroup) -> str:
    return group.name if group.is_series else archive_folder(group.name)


def _incomplete_reason(group: ArchiveGroup) -> str:
    were = "is" if len(group.missing) == 1 else "are"
    return (
        f"It is a divided archive, and {_listed(group.missing)} {were} missing. "
        f"Add all pieces at once; {len(group.members):,} came."
    )


def _notes_on(group: ArchiveGroup) -> list[str]:
    notes = []
    if len(group.members) > 1 and group.is_series:
        notes.append(f"{len(group.members):,} archives were read as the parts of one, {group.name!r}.")
    elif group.is_divided:
        notes.append(f"{len(group.members):,} pieces were joined to one archive, {group.name!r}.")
    if group.is_series and group.missing:
        were = "seems" if len(group.missing) == 1 else "seem"
        notes.append(f"Of {group.name!r}, {_listed(group.missing)} {were} to be missing. Add it too if it was meant.")
    return notes


def _listed(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _free_folder(stem: str, taken: set[str]) -> str:
    folder, number = stem, 1
    while folder in taken:
        number += 1
        folder = f"{stem} {number}"
    taken.add(folder)
    return folder
