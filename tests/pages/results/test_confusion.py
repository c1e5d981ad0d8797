"""The confusion matrix: which pairs and classes are shown, and what is drawn."""

import numpy as np

from pages.results.confusion import Pair, confusion_figure, largest_confusions, most_confused

# Rows true: of 10 crows 3 are taken for tits; of 4 tits 2 for crows; owls have no photos.
CONFUSION = np.array([[6, 1, 3], [0, 0, 0], [2, 0, 2]], np.int64)
NAMES = ("crow", "<i>owl</i>", "tit")


def test_the_largest_confusions_come_first() -> None:
    """By number of photos, with their share of the true class; what never happens is left out."""
    assert largest_confusions(CONFUSION) == [
        Pair(true=0, said=2, number=3, share=0.3),
        Pair(true=2, said=0, number=2, share=0.5),
        Pair(true=0, said=1, number=1, share=0.1),
    ]
    assert largest_confusions(CONFUSION, 1) == [Pair(true=0, said=2, number=3, share=0.3)]
    assert largest_confusions(np.diag([3, 4])) == []


def test_ties_keep_the_order_of_the_classes() -> None:
    """Equally frequent confusions do not change places between two visits."""
    ties = np.ones((3, 3), np.int64)
    assert [(pair.true, pair.said) for pair in largest_confusions(ties, 3)] == [(0, 1), (0, 2), (1, 0)]
    assert most_confused(ties, 2) == [0, 1]


def test_the_most_confused_classes_are_those_of_most_mistakes() -> None:
    """Given or received; the chosen ones stand in the order of the classes."""
    assert most_confused(CONFUSION, 2) == [0, 2]


def test_each_cell_that_holds_photos_can_be_clicked() -> None:
    """A point per filled cell tells its classes, also where only some classes are shown; names are letters only."""
    figure = confusion_figure(CONFUSION, NAMES, [0, 2])
    points = [tuple(each) for trace in figure.data if trace.type == "scatter" for each in trace.customdata]
    assert sorted(points) == [(0, 0), (0, 2), (2, 0), (2, 2)]
    numbers = [text for trace in figure.data if trace.type == "scatter" for text in trace.text]
    assert sorted(numbers) == ["2", "2", "3", "6"]
    assert confusion_figure(CONFUSION, NAMES, [0, 1]).layout.xaxis.ticktext[1] == "&lt;i>owl&lt;/i>"


def test_two_hundred_classes_have_colours_but_no_numbers() -> None:
    """Only cells with photos cost anything, and none is too small to read because there is no writing."""
    names = tuple(str(index) for index in range(200))
    figure = confusion_figure(np.eye(200, dtype=np.int64) * 5, names, list(range(200)))
    scatters = [trace for trace in figure.data if trace.type == "scatter"]
    assert sum(len(trace.x) for trace in scatters) == 200
    assert {trace.mode for trace in scatters} == {"markers"}
    assert len(figure.layout.xaxis.tickvals) == 0
