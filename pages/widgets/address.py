"""What each page has open: kept in the visitor's session, and in the address, so that a reload or a link finds it."""

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from pages.widgets import links

_SHOWN = "address.shown_page"
_IS_SAME = "address.is_same_page"

_MAX_DIGITS = 18  # what fits into the database's whole numbers


def note_page(title: str) -> None:
    """Say which page this run shows; called once in each run, before the page itself."""
    st.session_state[_IS_SAME] = st.session_state.get(_SHOWN) == title
    st.session_state[_SHOWN] = title


@dataclass(frozen=True, slots=True, kw_only=True)
class Opened:
    """What one page has open, as the parameters of its address; without any, nothing.

    The address rules when a link or the browser's back button has changed it, the session when a button has.
    """

    name: str  # begins the names in the session
    parameters: tuple[str, ...]
    # Such a choice stands in the address of pages that make themselves anew: one of their timers may send an address
    # that is old by now. So only links from elsewhere count.
    is_for_all_pages: bool = False

    def open(self, address: Mapping[str, str]) -> None:
        """Have this open, from the next run of the page on."""
        st.session_state[self._open_key] = dict(address)

    def last(self) -> Mapping[str, str]:
        """What this visitor had open last, on whichever page the visitor is now."""
        return st.session_state.get(self._open_key, {})

    def wanted(self) -> Mapping[str, str]:
        """What is to be open now, whether it is there or not; called once in each run of the page."""
        asked_for = {name: value for name in self.parameters if (value := st.query_params.get(name))}
        if self._open_key not in st.session_state or self._is_asked_for_anew(asked_for):
            self.open(asked_for)
        return self.last()

    def write(self, address: Mapping[str, str]) -> None:
        """Say in the address what is open now."""
        for name in self.parameters:
            if name in address:
                st.query_params[name] = address[name]
            else:
                st.query_params.pop(name, None)
        st.session_state[self._written_key] = dict(address)

    def _is_asked_for_anew(self, asked_for: Mapping[str, str]) -> bool:
        """Whether the address asks for something else than was written into it.

        The navigation from page to page empties it, which asks for nothing.
        """
        is_changed = asked_for != st.session_state.get(self._written_key, {})
        if self.is_for_all_pages:
            return is_changed and bool(asked_for) and not _is_same_page()
        return is_changed if _is_same_page() else bool(asked_for)

    @property
    def _open_key(self) -> str:
        return f"{self.name}.open"

    @property
    def _written_key(self) -> str:
        return f"{self.name}.address"


DATASET = Opened(name="dataset", parameters=(links.DATASET,))
TRAINING = Opened(name="train", parameters=(links.RUN, links.RACE, links.BACKBONE))
RESULTS = Opened(name="results", parameters=(links.RUN,))
COMPARISON = Opened(name="compare", parameters=(links.RUNS, links.NETWORKS, links.FOREIGN))
NETWORK = Opened(name="network", parameters=(links.MODEL, links.NETWORK, links.FOREIGN), is_for_all_pages=True)


def last_dataset() -> int | None:
    """The dataset that this visitor works on, for other pages; None while there is none."""
    return row_number(DATASET.last().get(links.DATASET, ""))


def row_number(text: str) -> int | None:
    """The number of a row of the database that an address names; None where it names none."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MAX_DIGITS else None


def _is_same_page() -> bool:
    """Whether the run before showed this page, too."""
    return bool(st.session_state.get(_IS_SAME))
