"""What a network says to one photo, as bars."""

from core.inference.class_table import Prediction
from pages.compare.verdict import top_five_chart


def predictions(*labels: str) -> list[Prediction]:
    return [Prediction(index=index, label=label, probability=1 / (index + 1)) for index, label in enumerate(labels)]


def test_bars_stand_for_classes_whatever_they_are_called():
    """Numbers, markup and names with the same beginning stay labels, each with a bar of its own."""
    long = "a very long name of a class that "
    figure = top_five_chart(predictions("10", "2024", "<b>x</b> & y", f"{long} 1", f"{long} 2"))
    assert list(figure.layout.yaxis.ticktext)[:1:-1] == ["10", "2024", "&lt;b&gt;x&lt;/b&gt; &amp; y"]
    assert len(figure.data[0].y) == len(set(figure.data[0].y)) == 5
    assert figure.data[0].hovertext[1] == f"{long} 1: 25 %"


def test_bars_that_do_not_count_are_grey():
    """Those of a model that does not know have another colour."""
    charts = [top_five_chart(predictions("alien"), is_refused=is_refused) for is_refused in (False, True)]
    assert charts[0].data[0].marker.color != charts[1].data[0].marker.color
