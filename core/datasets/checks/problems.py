"""What may be wrong with a dataset, in plain words, with a remedy for each: a pure function of its rows."""

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from core.datasets.checks.finding_writer import MAX_CLASSES_NAMED, Draft, FindingWriter, in_sentence
from core.datasets.checks.findings import Finding, Remedy, RemedyKind, removal
from core.datasets.checks.kinds import FindingKind, finding_key, group_key
from core.datasets.checks.mirrored import mirrored_classes
from core.datasets.checks.photo_checks import faults_of, photo_checks
from core.datasets.checks.together import Neighbours, find_kinship
from core.datasets.pile import is_pile
from core.datasets.records import ClassView, ImageView, Likeness, Split
from core.photos.record import PhotoRecord

# Below this a class has two or three validation photos, and each of them changes the accuracy by a third or more.
FEW_PHOTOS_BELOW = 20
# Largest class over smallest: beyond it a network that always answers with the largest class scores 80 % with two
# classes, and looks good.
IMBALANCE_FROM = 4.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetContent:
    """What is looked at, nothing of it in the trash."""

    classes: Sequence[ClassView]
    images: Sequence[ImageView]
    photos: Mapping[str, PhotoRecord]  # of every image, by hash
    likeness: Likeness  # what was dismissed of it does not count: findings are filtered when they are shown
    with_features: bool = True  # whether a network confirmed pairs, or they were told by their perceptual hashes alone


def find_problems(content: DatasetContent) -> list[Finding]:
    """Everything that may be wrong with a dataset, the most important first; what was dismissed too."""
    return _Search(content).run()


class _Search:
    """The search for what may be wrong."""

    def __init__(self, content: DatasetContent) -> None:
        self._classes = content.classes
        # Photos that nobody has sorted yet are none of anything: how many there are says nothing of what is learned.
        self._learned = [each for each in content.classes if not is_pile(each.name)]
        self._photos = content.photos
        self._with_features = content.with_features
        self._images = sorted(content.images, key=lambda image: image.id)
        self._likeness = Likeness(pairs=content.likeness.pairs, mirrored=content.likeness.mirrored)
        self._kinship = find_kinship(self._images, self._likeness, Neighbours.NEVER)
        self._sizes = Counter(image.class_id for image in self._images)
        self._names = {each.id: each.name for each in content.classes}
        self._writer = FindingWriter(content.classes, self._images)

    def run(self) -> list[Finding]:
        """All findings, the most important first."""
        found = (
            self._in_two_classes(),
            self._in_two_splits(),
            self._mirrored_classes(),
            self._fixed_camera(),
            self._exact_duplicates(),
            self._near_duplicates(),
            self._renderings(),
            *self._bad_photos(),
            self._few_photos(),
            self._no_validation(),
            self._imbalance(),
            self._rough_search(),
        )
        return [finding for finding in found if finding is not None]

    # --- the same photo more than once -------------------------------------------------------------------

    def _in_two_classes(self) -> Finding | None:
        groups = [
            group
            for group in _grouped(self._images, lambda image: image.photo_hash)
            if len({image.class_id for image in group}) > 1
        ]
        choices = [self._choices_of_class(group) for group in groups]
        return self._writer.of_groups(
            FindingKind.IN_TWO_CLASSES, groups, choices=choices, options=self._keep_all_in(groups)
        )

    def _choices_of_class(self, group: Sequence[ImageView]) -> tuple[Remedy, ...]:
        """For each class that a photo is in: keep it there, trash its copies in the others, unless they are all."""
        used = {image.class_id for image in group}
        choices = (
            removal(
                RemedyKind.KEEP_ONE,
                f"Keep in “{each.name}”",
                self._writer.losses(image.id for image in group if image.class_id != each.id),
                most=1.0,
                is_always_counted=False,
            )
            for each in self._classes
            if each.id in used
        )
        return tuple(choice for choice in choices if choice is not None)

    def _keep_all_in(self, groups: Sequence[Sequence[ImageView]]) -> list[Remedy | None]:
        """The same for all photos that are in a class and in others, where there are several."""
        remedies = []
        for each in self._classes:
            inside = [group for group in groups if any(image.class_id == each.id for image in group)]
            if len(inside) > 1:
                others = (image.id for group in inside for image in group if image.class_id != each.id)
                lead = f"Keep all {len(inside):,} in “{each.name}”"
                remedies.append(removal(RemedyKind.KEEP_ONE, lead, self._writer.losses(others)))
        return remedies

    def _in_two_splits(self) -> Finding | None:
        joined = [[self._images[position] for position in group] for group in self._kinship.groups]
        groups = [group for group in joined if len({image.split for image in group if image.split}) > 1]
        return self._writer.of_groups(FindingKind.IN_TWO_SPLITS, groups, remedy=self._bring_together(groups))

    def _bring_together(self, groups: Sequence[Sequence[ImageView]]) -> Remedy:
        moves = defaultdict[Split, list[int]](list)
        for group in groups:
            counts = Counter(image.split for image in group if image.split is not None)
            # Where most of them are; photos that could be in either place are most useful for training.
            target = max(counts, key=lambda split: (counts[split], split is Split.TRAIN, split.value))
            moves[target] += [image.id for image in group if image.split not in (None, target)]
        moved = {image_id: split for split, image_ids in moves.items() for image_id in image_ids}
        needed = (Split.TRAIN, Split.VALIDATION)
        before = {(image.class_id, image.split) for image in self._images if image.split in needed}
        after = {(image.class_id, moved.get(image.id, image.split)) for image in self._images}
        if not before <= after:  # a class would be without photos to learn from, or to be judged by
            return Remedy(kind=RemedyKind.SPLIT_AGAIN, label="Split the dataset anew")
        return Remedy(
            kind=RemedyKind.MOVE_TOGETHER,
            label="Bring each group to one side",
            image_ids=tuple(moved),
            moves=tuple((split, tuple(moves[split])) for split in Split if split in moves),
        )

    def _exact_duplicates(self) -> Finding | None:
        by_photo = _grouped(self._images, lambda image: (image.class_id, image.photo_hash))
        # One that somebody or something has given a split is kept: the split would change otherwise.
        groups = [sorted(group, key=lambda image: (image.split is None, image.id)) for group in by_photo]
        return self._keeping_first(FindingKind.EXACT_DUPLICATES, [group for group in groups if len(group) > 1])

    def _near_duplicates(self) -> Finding | None:
        def quality(image: ImageView) -> tuple[float, ...]:
            photo = self._photos[image.photo_hash]
            return photo.original_width * photo.original_height, photo.measurements.get("sharpness", 0.0), -image.id

        related = [set(group) for group in self._kinship.related]
        of_photo = {position: number for number, group in enumerate(related) for position in group}
        groups = [
            [self._images[position] for position in group]
            for group in self._kinship.near
            # One photo in colour and in grey is shown for what it is.
            if not (group[0] in of_photo and related[of_photo[group[0]]].issuperset(group))
        ]
        best_first = [sorted(group, key=quality, reverse=True) for group in groups]
        return self._keeping_first(FindingKind.NEAR_DUPLICATES, best_first)

    def _keeping_first(self, kind: FindingKind, groups: Sequence[Sequence[ImageView]]) -> Finding | None:
        others = (image.id for group in groups for image in group[1:])
        remedy = removal(RemedyKind.KEEP_ONE, "Keep one of each", self._writer.losses(others))
        return self._writer.of_groups(kind, groups, remedy=remedy)

    def _renderings(self) -> Finding | None:
        groups = [[self._images[position] for position in group] for group in self._kinship.related]
        return self._writer.of_groups(FindingKind.RENDERINGS, groups)

    # --- what photos have in common ----------------------------------------------------------------------

    def _mirrored_classes(self) -> Finding | None:
        found = mirrored_classes(self._classes, self._images, self._likeness)
        if not found:
            return None
        pairs = [f"“{self._names[each.first_id]}” and “{self._names[each.second_id]}”" for each in found]
        named = ", ".join(pairs[:MAX_CLASSES_NAMED])
        is_seen = any(each.partners for each in found)
        verb = "are" if is_seen else "sound like"
        class_ids = tuple(class_id for each in found for class_id in (each.first_id, each.second_id))
        groups = tuple(group for each in found for group in each.partners)
        return Finding(
            key=finding_key(FindingKind.MIRRORED_CLASSES, sorted(map(str, class_ids))),
            kind=FindingKind.MIRRORED_CLASSES,
            title=f"{named} {verb} mirror images of each other: mirroring must stay off",
            why=_MIRRORED_SEEN if is_seen else _MIRRORED_BY_NAME,
            remedy=None,
            image_ids=tuple(image_id for group in groups for image_id in group),
            groups=groups,
            class_ids=class_ids,
        )

    def _fixed_camera(self) -> Finding | None:
        images = [self._images[position] for scene in self._kinship.scenes for position in scene]
        if not images:
            return None
        concerned = [each for each in self._classes if each.id in {image.class_id for image in images}]
        inside = sum(self._sizes[each.id] for each in concerned)
        where = "" if inside == len(self._images) else f" of {in_sentence([f'“{each.name}”' for each in concerned])}"
        return Finding(
            key=finding_key(FindingKind.FIXED_CAMERA, sorted(str(each.id) for each in concerned)),
            kind=FindingKind.FIXED_CAMERA,
            title=f"A fixed camera? {len(images):,} of {inside:,} photos{where} look alike",
            why=_FIXED_CAMERA,
            remedy=None,
            image_ids=tuple(image.id for image in images),
            class_ids=tuple(each.id for each in concerned),
            is_usual=True,
            options=(Remedy(kind=RemedyKind.SPLIT_AGAIN, label="Split by file order"),),
        )

    # --- one photo that may be useless -------------------------------------------------------------------

    def _bad_photos(self) -> list[Finding | None]:
        members = defaultdict[str, list[ImageView]](list)
        for image in self._images:
            for kind in faults_of(self._photos[image.photo_hash]):
                members[kind].append(image)
        findings = []
        for check in (check for check in photo_checks() if check.kind in members):
            images = members[check.kind]
            losses = self._writer.losses(image.id for image in images)
            remedy = None if check.remedy is None else removal(check.remedy, "", losses)
            keys = [group_key(check.kind, [image.photo_hash]) for image in images]
            draft = Draft(kind=check.kind, keys=keys, image_ids=[image.id for image in images], remedy=remedy)
            findings.append(self._writer.finding(draft))
        return findings

    # --- the dataset as a whole --------------------------------------------------------------------------

    def _few_photos(self) -> Finding | None:
        small = [each for each in self._learned if self._sizes[each.id] < FEW_PHOTOS_BELOW]
        if not small:
            return None
        numbers = ", ".join(f"{each.name} {self._sizes[each.id]}" for each in small)
        return _of_classes(
            FindingKind.FEW_PHOTOS,
            small,
            title=f"Few photos: {numbers}",
            why=f"With fewer than {FEW_PHOTOS_BELOW} photos a class is hard to learn, and only a few of them are left "
            "to tell how well it was learned. Add more, as different from each other as the photos you will ask about.",
        )

    def _no_validation(self) -> Finding | None:
        validated = {image.class_id for image in self._images if image.split is Split.VALIDATION}
        without = [each for each in self._learned if self._sizes[each.id] and each.id not in validated]
        if not without:
            return None
        return _of_classes(
            FindingKind.NO_VALIDATION,
            without,
            title=f"No validation photo: {', '.join(each.name for each in without)}",
            why="Validation photos tell how well something was learned, on photos that were not learned from. A class "
            "without any counts as neither right nor wrong.",
            remedy=Remedy(kind=RemedyKind.SPLIT_AGAIN, label="Split the dataset"),
        )

    def _imbalance(self) -> Finding | None:
        counts = self._sizes
        used = sorted((each for each in self._learned if counts[each.id]), key=lambda each: (counts[each.id], each.id))
        if not used or counts[used[-1].id] < IMBALANCE_FROM * counts[used[0].id]:
            return None
        smallest, largest = used[0], used[-1]
        return _of_classes(
            FindingKind.IMBALANCE,
            [smallest, largest],
            title=f"Out of balance: {largest.name} has {counts[largest.id]} photos, {smallest.name} "
            f"{counts[smallest.id]}",
            why=f"The network can be right most of the time by answering “{largest.name}” without looking. Add photos "
            f"to “{smallest.name}”, or take some of “{largest.name}” away.",
        )

    def _rough_search(self) -> Finding | None:
        if self._with_features or len(self._images) < 2:
            return None
        return _of_classes(
            FindingKind.ROUGH_SEARCH,
            (),
            title="Near-duplicates: only the most alike were found",
            why="The network that confirms them is not prepared yet. When it is, check the dataset once more.",
        )


def _grouped(images: Iterable[ImageView], key: Callable[[ImageView], Hashable]) -> list[list[ImageView]]:
    groups = defaultdict[Hashable, list[ImageView]](list)
    for image in images:
        groups[key(image)].append(image)
    return list(groups.values())


def _of_classes(
    kind: FindingKind, classes: Sequence[ClassView], *, title: str, why: str, remedy: Remedy | None = None
) -> Finding:
    key = finding_key(kind, sorted(str(each.id) for each in classes))
    class_ids = tuple(each.id for each in classes)
    return Finding(key=key, kind=kind, title=title, why=why, remedy=remedy, image_ids=(), class_ids=class_ids)


_FIXED_CAMERA = (
    "Most photos show the same background, as from a fixed camera, a scanner or one set of drawings. That is no fault, "
    "and none of them needs to go: the network must learn what differs. But nobody can tell near-twins from different "
    "photos here, so the split keeps photos together that follow each other, by the numbers in their names or as they "
    "came. The accuracy will hold for this camera and background; add photos of others before you rely on it there."
)
_MIRRORED_SEEN = (
    "Each photo of one class has a mirrored partner in the other. That is no mistake, and none of them is to be "
    "deleted. But a network that practises on mirrored photos learns that the two are the same, and guesses."
)
_MIRRORED_BY_NAME = (
    "Their names say so. If it is true, a network that practises on mirrored photos learns that the two are the same, "
    "and guesses."
)
