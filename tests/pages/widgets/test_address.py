"""What a page has open: the address and the session, and which of them rules."""

from collections.abc import Mapping

import pytest
from streamlit.testing.v1 import AppTest

from pages.widgets.address import row_number


def page() -> None:
    """A page that shows what is open, and has a button that opens number 2."""
    import streamlit as st

    from pages.widgets.address import Opened, note_page

    opened = Opened(name="birds", parameters=("bird", "nest"), is_for_all_pages=st.session_state.get("for_all", False))
    note_page(st.session_state.get("page", "Birds"))
    st.button("Two", on_click=opened.open, args=({"bird": "2"},))
    opened.write(opened.wanted())
    st.text(dict(opened.wanted()))


def shown(app: AppTest) -> str:
    return app.run().text[0].value


def visit(query: Mapping[str, str], *, for_all: bool = False) -> AppTest:
    app = AppTest.from_function(page)
    app.session_state["for_all"] = for_all
    app.query_params.update(query)
    app.run()
    assert not app.exception
    return app


def test_a_link_opens_what_its_address_says():
    """And nothing where it says nothing; parameters of others stay as they are."""
    app = visit({"bird": "1", "photos": "x"})
    assert app.text[0].value == "{'bird': '1'}"
    assert app.query_params == {"bird": "1", "photos": "x"}
    assert visit({"bird": ""}).text[0].value == "{}"


def test_a_button_overrules_the_address_and_the_address_follows():
    """The address is what the page itself wrote, so it asks for nothing new."""
    app = visit({"bird": "1"})
    app.button[0].click().run()
    assert app.text[0].value == "{'bird': '2'}"
    assert app.query_params == {"bird": "2"}


def test_the_back_button_opens_what_was_open_before():
    """The browser has changed the address, on the same page."""
    app = visit({"bird": "1"})
    app.button[0].click().run()
    app.query_params["bird"] = "1"
    assert shown(app) == "{'bird': '1'}"
    app.query_params.clear()
    assert shown(app) == "{}"


def test_the_navigation_empties_the_address_and_closes_nothing():
    """Whoever comes back from another page finds what was open."""
    app = visit({"bird": "1"})
    app.session_state["page"] = "Nests"
    app.query_params.clear()
    assert shown(app) == "{'bird': '1'}"
    app.session_state["page"] = "Birds"
    app.query_params = {"nest": "7"}  # a link
    assert shown(app) == "{'nest': '7'}"
    assert app.query_params == {"nest": "7"}


def test_a_choice_for_all_pages_is_changed_by_links_alone():
    """A timer of the page may send an address that a click has made old; it must not take the click back."""
    app = visit({"bird": "1"}, for_all=True)
    app.button[0].click().run()
    app.query_params["bird"] = "1"
    assert shown(app) == "{'bird': '2'}"
    app.session_state["page"] = "Nests"
    app.query_params["bird"] = "1"
    assert shown(app) == "{'bird': '1'}"


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "1" * 19, "²", "٣", " 1"])
def test_what_is_no_number_of_a_row_opens_nothing(text: str):
    """Addresses are typed, cut off and made up."""
    assert row_number(text) is None


def test_the_number_of_a_row_is_read_whatever_it_fits_into():
    """Up to what the database's whole numbers hold."""
    assert (row_number("7"), row_number("007"), row_number("9" * 18)) == (7, 7, 10**18 - 1)
