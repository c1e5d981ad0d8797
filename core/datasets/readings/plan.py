"""The plan of an import: readings compete, the best is proposed, the person decides unless only one is plausible."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from core.datasets.archives.name_encodings import NameEncodings
from core.datasets.readings.alike_names import group_alike
from core.datasets.readings.by_file_name import read_file_names
from core.datasets.readings.by_folder import read_folders
from core.datasets.readings.by_number import read_numbers
from core.datasets.readings.by_sidecar import find_sidecars, is_class_list, read_sidecars
from core.datasets.readings.by_table import first_listing, read_tables
from core.datasets.readings.listing import ListedFile, Listing, list_files
from core.datasets.readings.onto_pile import nothing_but_unsorted, onto_pile
from core.datasets.readings.question import LeftOut, PlanAnswer, PlanOption, PlanQuestion
from core.datasets.readings.reading import PLAUSIBLE_FROM, Placement, Reading, count_classes, is_same_partition
from core.datasets.readings.tables import TABLE_ENDINGS, Table, read_table
from core.datasets.readings.teachable_machine import MANIFEST_NAMES, model_refusal, read_project, without_samples_ending
from core.datasets.readings.tree import LocatedPhoto, locate, root_class_name
from core.errors import DatasetError

# A reading that is so much less likely than the best one is no reason to ask.
_CLEARLY_BETTER = 0.4
_MAX_OPTIONS = 8
_DOUBTFUL = 0.45  # below what is taken without a question
# Sidecars are many; tables are few, or they are something else.
_MAX_TABLES = 2_000

ReadContents = Callable[[Collection[str]], Mapping[str, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """Where every photo may belong."""

    readings: tuple[Reading, ...]  # the proposed one first; none without photos
    refused: dict[str, str]  # path to reason, for people: what no reading can take
    beside: tuple[ListedFile, ...]  # files that are no photos
    question: PlanQuestion | None  # None: only the first reading is plausible, and its names are clear
    refusal: str | None = None  # why nothing of it can be imported


def plan_import(
    paths: Sequence[str],
    archive_name: str,
    read_contents: ReadContents = lambda _: {},
    *,
    archive_folders: frozenset[str] = frozenset(),
    names: NameEncodings | None = None,
) -> ImportPlan:
    """Work out what the files of an import may mean.

    Args:
        paths: of the files, inside the archive or folder, any system's separators; hidden files and those of the
            operating system are passed over silently.
        archive_name: of the archive or folder; the class where no photo has a class folder.
        read_contents: gives the bytes of some of the paths, as far as they can be read.
        archive_folders: outermost folders that are called like the archives that they came in.
        names: how names were read that do not say their character set; where that is unsure, the person is asked.
    """
    listing = list_files(paths)
    root_name = root_class_name(archive_name)
    located = locate(listing.photos, root_name)
    readings = _merged(
        [
            onto_pile(without_samples_ending(reading), located)
            for reading in _readings(listing, located, root_name, read_contents, archive_folders)
        ]
    )
    return ImportPlan(
        readings=tuple(readings),
        refused=listing.refused,
        beside=listing.beside,
        question=_question(readings, names),
        refusal=model_refusal(listing),
    )


def apply_answer(plan: ImportPlan, answer: PlanAnswer | None) -> Reading:
    """The reading as the person wants it; the proposed one, as it is, where nobody was asked.

    Raises:
        DatasetError: the answer names a class or a reading that the plan does not have, or there is no photo.
    """
    if not plan.readings:
        raise DatasetError("There is no photo in what has arrived. Add photos, or an archive of photos.")
    if answer is None:
        return plan.readings[0]
    reading = next((each for each in plan.readings if each.key == answer.reading), None)
    if reading is None:
        expected = ", ".join(each.key for each in plan.readings)
        raise DatasetError(f"The files cannot be read as {answer.reading!r}; {expected} was expected.")
    unknown = set(answer.class_map) - reading.class_names
    if unknown:
        raise DatasetError(f"There is no class folder {', '.join(map(repr, sorted(unknown)))} in what has arrived.")
    mapped = {
        path: replace(placement, class_name=answer.class_map.get(placement.class_name, placement.class_name))
        for path, placement in reading.placements.items()
    }
    return replace(reading, placements=mapped)


# --- readings that compete ----------------------------------------------------------------------------------------


def _readings(
    listing: Listing,
    located: Sequence[LocatedPhoto],
    root_name: str,
    read_contents: ReadContents,
    archive_folders: frozenset[str],
) -> list[Reading]:
    """Every reading that there is, the likeliest first."""
    if not located:
        return []
    by_folder = read_folders(located, root_name, archive_folders)
    num_classes = len(by_folder[0].class_names) if by_folder else 0
    sidecars = find_sidecars(listing.photos, listing.beside)
    sidecar_paths = {file.path for files in sidecars.values() for file in files.values()}
    # A file of its own for each photo is no table; what belongs to one photo of many is read as either.
    tables = [
        file
        for file in listing.beside
        if file.ending in TABLE_ENDINGS and not (file.path in sidecar_paths and len(sidecar_paths) > 1)
    ]
    manifests = [file.path for file in listing.beside if file.name.casefold() in MANIFEST_NAMES]
    lists = [file.path for file in listing.beside if is_class_list(file)]
    wanted = {*sidecar_paths, *manifests, *lists, *(file.path for file in tables[:_MAX_TABLES])}
    contents = read_contents(wanted) if wanted else {}
    by_project = read_project(located, listing.beside, contents)
    by_name = read_file_names(located, num_folder_classes=num_classes)
    read = [table for file in tables if file.path in contents and (table := read_table(file, contents[file.path]))]
    by_table = read_tables(read, located, by_folder)
    if num_classes < 2:
        used = {path for reading in by_table for path in reading.used_beside}
        unused = first_listing((table for table in read if table.file.path not in used), located)
        if unused is not None:
            by_folder = [_with_unused_table(reading, unused) for reading in by_folder]
    found = [
        *([by_project] if by_project else []),
        *by_table,
        *read_sidecars(located, listing.beside, contents, num_folder_classes=num_classes),
        *([by_name] if by_name else []),
        *by_folder,
    ]
    if all(len(reading.class_names) < 2 for reading in found):
        found += read_numbers(located)
    return sorted(found or [nothing_but_unsorted(located)], key=lambda reading: -reading.plausibility)


def _with_unused_table(reading: Reading, table: Table) -> Reading:
    """A reading that knows no classes, beside a table that lists the photos: the person should hear of it."""
    remark = f"{table.file.name} lists the photos, but none of its columns was understood as a class."
    return replace(
        reading,
        explanation=f"{reading.explanation} {remark}",
        plausibility=min(reading.plausibility, _DOUBTFUL),
        is_plain=False,
    )


def _merged(readings: Iterable[Reading]) -> list[Reading]:
    """Without those that come to the same as a likelier one."""
    kept: list[Reading] = []
    for reading in readings:
        if not any(is_same_partition(reading.placements, other.placements) for other in kept):
            kept.append(reading)
    return kept[:_MAX_OPTIONS]


# --- the question -------------------------------------------------------------------------------------------------


def _question(readings: Sequence[Reading], names: NameEncodings | None) -> PlanQuestion | None:
    if not readings:
        return None
    best = readings[0]
    least = max(PLAUSIBLE_FROM, best.plausibility - _CLEARLY_BETTER)
    num_plausible = sum(reading.plausibility >= least for reading in readings)
    is_mostly_left_out = len(best.left_out) > len(best.placements)
    options = tuple(_option(reading) for reading in readings)
    are_names_sure = names is None or names.is_sure
    # One that is alone and doubtful is shown, too.
    if num_plausible == 1 and not options[0].groups and not is_mostly_left_out and are_names_sure:
        return None
    return PlanQuestion(options=options, names=names)


def _option(reading: Reading) -> PlanOption:
    classes = count_classes(reading.placements.values())
    example = min(reading.placements.items(), key=lambda item: item[0], default=("", Placement("", None)))
    return PlanOption(
        reading=reading.key,
        title=reading.title,
        explanation=reading.full_explanation,
        classes=classes,
        groups=group_alike(classes),
        left_out=summarise(reading.left_out),
        example=(example[0], example[1].class_name),
    )


def summarise(left_out: Mapping[str, str]) -> tuple[LeftOut, ...]:
    """Photos that are left out, by reason; the commonest reason first."""
    examples: defaultdict[str, list[str]] = defaultdict(list)
    for path, reason in left_out.items():
        examples[reason].append(path)
    counts = Counter({reason: len(paths) for reason, paths in examples.items()})
    return tuple(
        LeftOut(reason=reason, num_photos=num, example=min(examples[reason])) for reason, num in counts.most_common()
    )
