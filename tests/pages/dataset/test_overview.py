"""The chart of counts beside the dataset."""

from core.datasets.records import ClassView, Split
from pages.dataset.overview import counts_figure, describe_counts, of_known_classes


def test_a_class_that_is_made_meanwhile_is_not_counted_yet():
    """Photos of a class that an import made after the classes were read are shown with it, at the next run."""
    tits = ClassView(id=1, dataset_id=1, name="tit", position=0, num_images=2)
    counts: dict[tuple[int, Split | None], int] = {(1, Split.TRAIN): 2, (2, None): 5}
    assert of_known_classes(counts, [tits]) == {(1, Split.TRAIN): 2}
    assert of_known_classes(counts, []) == {}


def test_the_chart_in_words_names_every_class():
    """Those without photos are named, too; bars and words tell the same numbers."""
    classes = [
        ClassView(id=number, dataset_id=1, name=name, position=number, num_images=0)
        for number, name in enumerate(("tit", "crow"))
    ]
    counts: dict[tuple[int, Split | None], int] = {(0, Split.TRAIN): 2, (0, Split.TEST): 1}
    words = describe_counts(classes, counts)
    assert "tit: 2" in words
    assert "crow: no photos" in words
    assert [list(bar.x) for bar in counts_figure(classes, counts).data] == [[2, 0], [1, 0]]
