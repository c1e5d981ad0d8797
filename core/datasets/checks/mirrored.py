"""Classes that are each other's mirror images, such as left and right: no network must practise on mirrored photos."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from core.datasets.records import ClassView, ImageView, Likeness

# Photos of the smaller class that must have a mirrored partner in the other. Drawn digits and shapes have some by
# chance: of 40 squares 6 have one among 40 circles. But then they have as many in their own class; arrows to the left
# have none among arrows to the left.
_MIN_PARTNERS = 3
_MIN_SHARE = 0.2
_MOST_WITHIN = 0.5  # pairs within the two classes, for each pair between them

# Words that change places in a mirror.
_WORDS = (
    ("left", "right"),
    ("lefthand", "righthand"),
    ("leftward", "rightward"),
    ("leftwards", "rightwards"),
    ("links", "rechts"),
    ("linke", "rechte"),
    ("linker", "rechter"),
    ("linkes", "rechtes"),
    ("gauche", "droite"),
    ("izquierda", "derecha"),
    ("izquierdo", "derecho"),
    ("esquerda", "direita"),
    ("sinistra", "destra"),
    ("lewo", "prawo"),
    ("lewa", "prawa"),
    ("vlevo", "vpravo"),
    ("влево", "вправо"),
    ("лево", "право"),
    ("sol", "sağ"),
    ("左", "右"),
    ("clockwise", "counterclockwise"),
    ("clockwise", "anticlockwise"),
    ("cw", "ccw"),
)
# Small letters and signs that are mirror images, where they are a class' whole name.
_SHAPES = (("b", "d"), ("p", "q"), ("<", ">"), ("(", ")"), ("[", "]"), ("/", "\\"), ("←", "→"))
_OPPOSITES = defaultdict[str, set[str]](set)
for _one, _other in (*_WORDS, *_SHAPES):
    _OPPOSITES[_one].add(_other)
    _OPPOSITES[_other].add(_one)


@dataclass(frozen=True, slots=True, kw_only=True)
class MirroredClasses:
    """Two classes that are each other's mirror images."""

    first_id: int
    second_id: int
    partners: tuple[tuple[int, ...], ...]  # images that are mirrored partners; empty: the names alone say so


def mirrored_classes(
    classes: Sequence[ClassView], images: Sequence[ImageView], likeness: Likeness
) -> list[MirroredClasses]:
    """Find pairs of classes that are mirror images, by their photos, else by their names.

    Args:
        classes: of a dataset, in their order.
        images: all images out of the trash.
        likeness: which photos are alike only when one of them is mirrored.
    """
    images_of = defaultdict[str, list[ImageView]](list)
    sizes = defaultdict[int, int](int)
    for image in images:
        images_of[image.photo_hash].append(image)
        sizes[image.class_id] += 1
    partners = defaultdict[tuple[int, int], list[tuple[int, ...]]](list)
    within = defaultdict[int, int](int)
    for pair in sorted(likeness.mirrored):
        for first in images_of.get(pair[0], ()):
            for second in images_of.get(pair[1], ()):
                if first.class_id == second.class_id:
                    within[first.class_id] += 1
                else:
                    low, high = sorted((first, second), key=lambda image: image.class_id)
                    partners[low.class_id, high.class_id].append((low.id, high.id))
    by_name = _named_mirrored(classes)
    found = []
    for one, other in sorted(by_name | partners.keys()):
        seen = partners.get((one, other), [])
        smaller = min(sizes[one], sizes[other])
        num_photos = min(len({pair[side] for pair in seen}) for side in (0, 1))
        is_chance = within[one] + within[other] > _MOST_WITHIN * len(seen)
        is_seen = num_photos >= max(_MIN_PARTNERS, _MIN_SHARE * smaller) and not is_chance
        if is_seen or (smaller and (one, other) in by_name):
            shown = tuple(sorted(seen)) if is_seen else ()
            found.append(MirroredClasses(first_id=one, second_id=other, partners=shown))
    return found


def _named_mirrored(classes: Sequence[ClassView]) -> set[tuple[int, int]]:
    """Pairs of classes, the lesser number first, whose names differ by a word alone that changes places in a mirror."""
    alike = defaultdict[tuple[str, ...], list[tuple[int, str]]](list)
    for each in classes:
        words = _words_of(each.name)
        for place, word in enumerate(words):
            if word in _OPPOSITES:
                alike[(*words[:place], "", *words[place + 1 :])].append((each.id, word))
    return {
        (min(first_id, second_id), max(first_id, second_id))
        for same in alike.values()
        for number, (first_id, first) in enumerate(same)
        for second_id, second in same[number + 1 :]
        if second in _OPPOSITES[first]
    }


def _words_of(name: str) -> tuple[str, ...]:
    """The words of a name, lower case, also of one written LikeThis; a sign or a letter stands for itself."""
    if len(name) == 1:
        return (name,)
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return tuple(re.findall(r"[^\W\d_]+|\d+", apart.casefold()))
