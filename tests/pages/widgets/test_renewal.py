"""Pages that are made anew by themselves."""

from streamlit.testing.v1 import AppTest


def _page() -> None:
    import streamlit as st

    from pages.widgets.renewal import renew, take_renewal

    st.button("Something has changed", on_click=renew, args=("done",))
    st.text(str(take_renewal()))


def test_one_run_of_the_page_is_a_renewal() -> None:
    """What the person does next is a click as any other."""
    app = AppTest.from_function(_page).run()
    told = [app.text[0].value]
    for is_changed in (True, False):
        (app.button[0].click() if is_changed else app).run()
        told.append(app.text[0].value)
    assert told == ["False", "True", "False"]
