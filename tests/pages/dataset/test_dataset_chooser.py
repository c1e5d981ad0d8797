"""The box with every dataset."""

import pytest
from streamlit.testing.v1 import AppTest


def page() -> None:
    """Choose in the box while a dataset is open, and say which one is open then."""
    import streamlit as st

    from pages.dataset.chooser import open_chosen, open_dataset
    from pages.widgets.address import last_dataset

    open_dataset(7)
    open_chosen()
    st.text(last_dataset())


@pytest.mark.parametrize(("chosen", "opened"), [(8, "8"), ("Birds · 11 photos", "7")])
def test_a_text_that_is_no_option_any_more_changes_nothing(chosen: int | str, opened: str):
    """What the box showed before photos came or went elsewhere is no dataset: the visitor stays in the open one."""
    app = AppTest.from_function(page)
    app.session_state["dataset.chooser"] = chosen
    assert app.run().text[0].value == opened
