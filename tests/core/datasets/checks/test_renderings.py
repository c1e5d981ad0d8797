"""`core.datasets.checks.renderings`: which file names are those of one photo, and which only count."""

import pytest

from core.datasets.checks.renderings import are_numbered, number_key, related_by_name

CODE = "0a5e9323-dbad-432d-ac58___FREC_Scab 3417"
SIGNS = [f"{track:05d}_{frame:05d}.ppm" for track in range(3) for frame in range(4)]

RELATED = {
    "colour, grey, cut out": (
        ["leaf_01.jpg", "leaf_01_gray.jpg", "leaf_01_final_masked.jpg", "leaf_02.jpg"],
        [[0, 1, 2]],
    ),
    "a code in three folders": ([f"{CODE}.JPG", f"{CODE}.jpg", f"{CODE}_final_masked.jpg"], [[0, 1, 2]]),
    "turned": (
        [f"{CODE}.JPG", f"{CODE}_90deg.JPG", f"{CODE}_new30degFlipLR.JPG", f"{CODE}_flipTB.JPG"],
        [[0, 1, 2, 3]],
    ),
    "varied, with the original": (["img.jpg", "img_aug_3.jpg", "img_flipped.jpg"], [[0, 1, 2]]),
    "varied, by numbered photo": (["leaf_01_aug_3.jpg", "leaf_01_aug4.jpg", "leaf_02_aug_3.jpg"], [[0, 1]]),
    "as Keras names them": (["aug_0_123.jpg", "aug_0_4523.jpg", "aug_1_22.jpg"], [[0, 1]]),
    "as Roboflow names them": (["a_jpg.rf.0123456789abcdef.jpg", "a_jpg.rf.f123456789abcdef.jpg", "b.jpg"], [[0, 1]]),
    "copies": (["img.jpg", "img (copy).jpg", "img - Copy.jpg", "img copy 2.jpg"], [[0, 1, 2, 3]]),
    "frames in tracks": (SIGNS, [[0, 1, 2, 3], [4, 5, 6, 7], [8, 9, 10, 11]]),
    "frames of films": ([f"v{film}_frame{number}.jpg" for film in (1, 2) for number in (1, 2)], [[0, 1], [2, 3]]),
    "one film": ([f"frame_{number:03d}.jpg" for number in range(3)], [[0, 1, 2]]),
}
APART = {
    "class and number": ["cat.0.jpg", "cat.1.jpg", "cat.10.jpg"],
    "camera": ["IMG_0001.jpg", "IMG_0002.jpg"],
    "numbers alone": ["1.jpg", "2.jpg", "10.jpg"],
    "brackets": ["dog (1).jpg", "dog (2).jpg"],
    "parts": [f"part_{number:03d}.jpg" for number in range(20)],
    "a word for light that is numbered": ["leaf_dark_01.jpg", "leaf_dark_02.jpg"],
    "variants that are counted through": ["img_aug_1.jpg", "img_aug_2.jpg"],
    "forms alone": ["gray.png", "color.png"],
    "anybody's name": ["image.png", "image.png", "photo.jpg", "photo.jpg"],
    "each folder counts": ["1.jpg", "2.jpg", "1.jpg", "2.jpg", "IMG_0001.jpg", "IMG_0001.jpg"],
    "dates and times": [f"2024010{day}_1{hour}1500.jpg" for day in range(3) for hour in range(4)],
    "one prefix for the class": [f"n01443537_{number}.JPEG" for number in range(10, 60)],
    "nothing": [],
}


@pytest.mark.parametrize("case", RELATED)
def test_renderings_and_frames_are_brought_together(case: str):
    """Names that say so bring photos together, and others stay out."""
    names, expected = RELATED[case]
    assert related_by_name(names, [1] * len(names)) == expected


@pytest.mark.parametrize("case", APART)
def test_numbers_alone_bring_nothing_together(case: str):
    """Names that only count, or are anybody's, say nothing."""
    names = APART[case]
    assert related_by_name(names, [1] * len(names)) == []


def test_classes_are_apart():
    """The same names in two classes are not one photo; a track number of each class is one of that class."""
    assert related_by_name(["a_01.jpg", "a_01_gray.jpg"], [1, 2]) == []
    assert related_by_name(SIGNS * 2, [1] * 12 + [2] * 12)[-1] == [20, 21, 22, 23]


def test_equal_names_count_where_photos_look_alike():
    """Where most photos of one name look the same, as in colour and in grey, those that do not are one photo too."""
    names = [f"leaf_{number:02d}.jpg" for number in range(4)] * 3
    alike = [(0, 4), (1, 5)]
    assert related_by_name(names, [1] * 12, alike) == [[number, number + 4, number + 8] for number in range(4)]
    assert related_by_name(names, [1] * 12, alike[:1]) == []


def test_names_are_sorted_as_people_count():
    """Nine comes before ten, whatever the letters' case; names without common form have no order."""
    assert sorted(["Part_10.jpg", "part_9.jpg", "part_1.jpg"], key=number_key) == [
        "part_1.jpg",
        "part_9.jpg",
        "Part_10.jpg",
    ]
    assert are_numbered(["part_1.jpg", "part_2.jpg", "other.jpg"])
    assert not are_numbered(["a.jpg", "b.jpg", "c1.jpg"])
    assert not are_numbered([])
