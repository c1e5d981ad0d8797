"""Which photos of a class are renderings of one photo, or frames of one film, by the names of their files.

A network that has seen a leaf in colour knows it in grey, cut out or turned, and one frame of a film tells the next:
such photos must not be on both sides of a split. Numbers alone never bring photos together: `cat.0` and `cat.1` are two
photos. Where a name may be read in two ways, photos are kept together: that costs a split nothing but a little freedom.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Hashable, Iterable, Sequence

# Words at the end of a name that tell how a photo was rendered. Source: PlantVillage ("_final_masked"), Keras'
# `ImageDataGenerator.flow(save_prefix=...)`, imgaug, Albumentations and Roboflow examples.
_FORM = re.compile(
    r"gr[ae]y(?:scale)?|bw|mono(?:chrome)?|colou?r|rgb|bgr|hsv|mask(?:ed)?|seg(?:mented|mentation)?|cutout|nobg|foreground"
    r"|final|orig(?:inal)?|raw|edges?|canny|sobel|thresh|binary|hist|equalized|clahe|thumb(?:nail)?|small|resized|scaled"
    r"|edited|bright(?:er|ness)?|dark(?:er)?|contrast|saturation|blur(?:red)?|noisy?|noise|sharp(?:ened)?|normalized"
    r"|(?:pre)?processed"
)
# Words for what is made several times of one photo: a number may follow, or an angle.
_VARIANT = re.compile(
    r"aug(?:mented|mentation)?|copy|variant|crop(?:ped)?|[hv]?flip(?:ped|lr|ud|tb|v|h)?|mirror(?:ed)?|rot(?:at(?:ed?|ion))?"
    r"|shift(?:ed)?|zoom(?:ed)?|shear(?:ed)?|translated?"
)
_ROBOFLOW = re.compile(r"^(?P<base>.+)[._](?:jpe?g|png|bmp|webp|tiff?)\.rf\.[0-9a-zA-Z]{8,}$", re.IGNORECASE)
_KERAS = re.compile(r"^(?P<base>(?:.*[_-])?aug(?:mented)?_\d+)_\d{1,8}$", re.IGNORECASE)
_TURNED = re.compile(r"(?:new)?\d{1,3}(?:deg|degrees)(?:flip(?:lr|tb|ud))?")
_VARIANT_WITH_NUMBER = re.compile(rf"(?:{_VARIANT.pattern})\d{{1,4}}")
_LAST_WORD = re.compile(r"^(?P<rest>.*?)[ _.\-]*(?:\((?P<bracketed>\w+)\)|(?P<word>(?<![^ _.\-])[^ _.\-()]+))$")
_NUMBER = re.compile(r"^\d{1,4}$")
_ENDING = re.compile(r"\.(?:jpe?g|png|bmp|webp|tiff?|gif|ppm|pgm|pbm|heic|jp2|avif|jxl)$", re.IGNORECASE)

# A frame of a film: track, then frame. `frame` in the name says so itself; two numbers alone must look like it.
_NAMED_FRAME = re.compile(r"^(?P<track>.*?)[ _.\-]*(?:frame|frm)[ _.\-]*(?P<frame>\d+)$", re.IGNORECASE)
_NUMBERED_FRAME = re.compile(r"^(?P<track>(?:.*[ _.\-])?[a-z]*\d+)[_\-](?P<frame>\d{2,})$", re.IGNORECASE)
_MOST_NAMES = 0.9  # share of the names that have the form of frames
_MIN_TRACKS = 2  # of a class, on average: one number that all names of a class begin with is the class
_MIN_FRAMES = 3  # of a track, on average
_MAX_GAPS = 2.0  # frames from the first to the last of a track, for each frame that is there
# The same name more often is no photo in several folders ("color", "grayscale", "segmented"), but what somebody's
# program calls everything: "image.png".
_MAX_NAMESAKES = 6
# Share of the names that several photos have of which two look the same: then they are renderings.
_ALIKE_NAMESAKES = 0.5
_MIN_ALIKE = 2
_CODE_DIGITS = 5  # without leading zeros: more than folders count to


def related_by_name(
    names: Sequence[str], class_ids: Sequence[int], alike: Collection[tuple[int, int]] = ()
) -> list[list[int]]:
    """Photos of one class that are renderings of one photo, or frames of one film.

    Args:
        names: the file names of all photos of a dataset, without folders.
        class_ids: the class of each.
        alike: pairs of positions of photos that look nearly the same: they tell whether photos of one name in several
            folders are one photo in colour and in grey, or whether each folder counts from 1.

    Returns:
        Groups of two positions or more, each ascending, ordered by their first position; no position is in two.
    """
    stems = [_stem(name) for name in names]
    keys: list[tuple[int, str] | None] = _tracks(stems, class_ids)
    if not any(keys):
        has_renderings = _namesakes_are_alike(stems, class_ids, alike)
        for members in _gathered(class_ids):
            bases = _bases([stems[position] for position in members], has_renderings)
            for position, base in zip(members, bases, strict=True):
                keys[position] = None if base is None else (class_ids[position], base)
    return sorted(_gathered(keys))


def number_key(name: str) -> tuple[tuple[int, int | str], ...]:
    """Key to sort file names by as people count: `part_9` before `part_10`."""
    parts = re.split(r"(\d+)", name.casefold())
    return tuple((1, int(part)) if part.isdecimal() else (0, part) for part in parts if part)


def are_numbered(names: Sequence[str]) -> bool:
    """Whether the order of file names says something: most of them differ in their numbers alone."""
    forms = Counter(re.sub(r"\d+", "0", name.casefold()) for name in names)
    return bool(forms) and max(forms.values()) > len(names) / 2 and any("0" in form for form in forms)


def _stem(name: str) -> str:
    stem = _ENDING.sub("", name.strip())
    roboflow = _ROBOFLOW.match(stem)
    return (roboflow["base"] + ".rf" if roboflow else stem).casefold()


def _namesakes_are_alike(stems: Sequence[str], class_ids: Sequence[int], alike: Collection[tuple[int, int]]) -> bool:
    """Whether photos of one name look the same often enough that all of them are renderings."""
    groups = _gathered(
        (class_id, stem) if _has_digit(stem) else None for class_id, stem in zip(class_ids, stems, strict=True)
    )
    group_of = {position: number for number, group in enumerate(groups) for position in group}
    pairs = ((group_of.get(first), group_of.get(second)) for first, second in alike)
    told = {first for first, second in pairs if first is not None and first == second}
    return len(told) >= max(_MIN_ALIKE, _ALIKE_NAMESAKES * len(groups))


def _bases(stems: Sequence[str], has_renderings: bool) -> list[str | None]:
    """For each photo of a class what it is a rendering of; None for one that stands alone."""
    known = set(stems)
    namesakes = Counter(stems)

    def counts_renderings(base: str) -> bool:
        """Whether numbers behind a variant's word count the renderings of this photo, not the photos of the class."""
        return base in known or _has_digit(base)

    bases: list[str | None] = []
    for stem in stems:
        base = _without_forms(stem, counts_renderings)
        is_telling = namesakes[stem] <= _MAX_NAMESAKES and ((has_renderings and _has_digit(stem)) or _is_telling(stem))
        bases.append(None if base == stem and namesakes[stem] > 1 and not is_telling else base)
    return bases


def _has_digit(text: str) -> bool:
    """Whether a name may be that of one photo: "photo" and "image" are anybody's."""
    return any(character.isdigit() for character in text)


def _is_telling(stem: str) -> bool:
    """Whether only one photo has this name: a code, no number that each folder counts from 1."""
    words = re.findall(r"[0-9a-z]+", stem)
    is_code = any(len(word) >= 8 and word.isalnum() and not word.isalpha() for word in words)
    return is_code and len(re.sub(r"\D|(?<!\d)0+", "", stem)) >= _CODE_DIGITS


def _without_forms(stem: str, counts_renderings: Callable[[str], bool]) -> str:
    if stem.endswith(".rf"):
        return stem.removesuffix(".rf")
    keras = _KERAS.match(stem)
    if keras:
        return keras["base"]
    base = stem
    while True:
        rest, word = _last_word(base)
        if not rest:
            return base
        if _FORM.fullmatch(word) or _VARIANT.fullmatch(word) or _TURNED.fullmatch(word):
            base = rest
            continue
        if _NUMBER.match(word) and _VARIANT.fullmatch(_last_word(rest)[1]):
            rest = _last_word(rest)[0]  # "aug_3"
        elif not _VARIANT_WITH_NUMBER.fullmatch(word):
            return base
        if not rest or not counts_renderings(rest):
            return base
        base = rest


def _last_word(stem: str) -> tuple[str, str]:
    """What comes before the last word of a name, and the word; the first is empty when there is but one."""
    found = _LAST_WORD.match(stem)
    if found is None:
        return "", stem
    return found["rest"], found["bracketed"] or found["word"]


def _tracks(stems: Sequence[str], class_ids: Sequence[int]) -> list[tuple[int, str] | None]:
    """For each photo its class and the film it is a frame of; all None unless the names clearly have that form."""
    for form in (_NAMED_FRAME, _NUMBERED_FRAME):
        matches = [form.match(stem) for stem in stems]
        if sum(found is not None for found in matches) < _MOST_NAMES * max(1, len(stems)):
            continue
        keys = [
            None if found is None else (class_id, found["track"])
            for found, class_id in zip(matches, class_ids, strict=True)
        ]
        frames = defaultdict[tuple[int, str], set[int]](set)
        for key, found in zip(keys, matches, strict=True):
            if key is not None and found is not None:
                frames[key].add(int(found["frame"]))
        if form is _NAMED_FRAME or _look_like_tracks(list(frames.values()), len(set(class_ids))):
            return keys
    return [None] * len(stems)


def _look_like_tracks(tracks: Sequence[set[int]], num_classes: int) -> bool:
    """Whether the second of two numbers counts: dates and times, sizes and random numbers leave gaps."""
    num_frames = sum(map(len, tracks))
    if len(tracks) < _MIN_TRACKS * num_classes or num_frames < _MIN_FRAMES * len(tracks):
        return False
    return sum(max(track) - min(track) + 1 for track in tracks) <= _MAX_GAPS * num_frames


def _gathered(keys: Iterable[Hashable]) -> list[list[int]]:
    """The positions of equal keys where there are two or more; None is equal to nothing."""
    groups = defaultdict[Hashable, list[int]](list)
    for position, key in enumerate(keys):
        if key is not None:
            groups[key].append(position)
    return [group for group in groups.values() if len(group) > 1]
