"""The box that answers "does it know …?"."""

from collections.abc import Sequence

import streamlit as st

from core.imagenet import NUM_CLASSES, ImageNetClass, classes, search_classes
from pages.words.wording import plain

_MAX_LISTED = 60


def render_class_search() -> None:
    """A search box over the 1,000 classes, with a plain yes or no."""
    st.subheader("Does it know …?", anchor=False)
    query = st.text_input(
        "Search the 1,000 things that these networks know",
        placeholder="blue tit, poodle, birds …",
        key="class_search.query",
    )
    if not query.strip():
        with st.expander(f"All {NUM_CLASSES:,} classes"):
            st.dataframe(
                {
                    "Class": [candidate.label for candidate in classes()],
                    "Kind": [candidate.group for candidate in classes()],
                    "WordNet id": [candidate.wnid for candidate in classes()],
                },
                hide_index=True,
            )
        return
    found = search_classes(query)
    if found.matches:
        st.success(f"Yes: {_list(found.matches)}.", icon=":material/check_circle:")
    elif not found.group_matches:
        nearest = f" The nearest names are {_list(found.nearest)}." if found.nearest else ""
        st.warning(
            f"No, “{plain(query.strip()[:60])}” is not among the {NUM_CLASSES:,} classes.{nearest} "
            "Shown a photo of it, the network can only pick something else that it knows.",
            icon=":material/cancel:",
        )
    if found.group_matches:
        groups = ", ".join(dict.fromkeys(match.group for match in found.group_matches))
        st.info(
            f"It knows {len(found.group_matches)} kinds of {groups}: {_list(found.group_matches)}.",
            icon=":material/category:",
        )


def _list(found: Sequence[ImageNetClass]) -> str:
    shown = ", ".join(candidate.label for candidate in found[:_MAX_LISTED])
    hidden = len(found) - _MAX_LISTED
    return f"{shown} and {hidden} more" if hidden > 0 else shown
