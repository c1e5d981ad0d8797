"""The answers on the classify page, which the browser draws and keeps up to date by itself."""

import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import streamlit as st

from core.inference.classifier import Classifier
from core.inference.photo_batch import PhotoBatch
from pages.classify.network_choice import NetworkChoice
from pages.classify.under_the_hood import describe_hood
from pages.server.photo_routes import routes_prefix
from pages.widgets import links
from pages.widgets.browser_component import ignore, load_component, show_component
from pages.words.answer_json import describe_changes

_answers = load_component(
    "answers", parts=("answer_facts", "answer_feed", "answer_why", "answer_cards", "answer_table")
)

# Photos of which the page itself brings what is known; the browser fetches the others.
NUM_SEEDED = 24
# In place of a network's fingerprint while there is none: all photos wait.
NO_NETWORK = "none"
_STOPPED = "answers.stopped"
# So long the page waits, when the rest of it is there, for answers that are due: it then brings them itself. A client
# that asks no routes has no other way to them.
_PATIENCE_SECONDS = 0.25
_NUM_FEW = 3  # photos; more take longer than anybody should wait for a page


def has_stopped(batch: PhotoBatch, fingerprint: str) -> bool:
    """Whether the visitor stopped this network on this batch, and has neither added photos nor asked to go on."""
    return st.session_state.get(_STOPPED) == (batch.batch_id, batch.num_taken, fingerprint)


def render_answers(batch: PhotoBatch, classifier: Classifier | None, network: NetworkChoice) -> None:
    """What the network says to the photos, and how it comes to that; nothing where there is neither.

    Args:
        batch: the visitor's photos.
        classifier: None: it is not ready, and photos wait.
        network: that was chosen.
    """
    fingerprint = classifier.fingerprint if classifier else NO_NETWORK
    _wait_for_few(batch, fingerprint)
    show_component(
        _answers,
        key="answers",
        data={
            **_addresses(batch, fingerprint, network.title),
            "seed": describe_seed(batch, fingerprint),
            "is_ready": classifier is not None,
            "is_stopped": has_stopped(batch, fingerprint),
            "hood": describe_hood(network.anatomy(classifier), classifier) if classifier else None,
        },
        on_event={
            "stopped": lambda _: _stop(batch, fingerprint),
            "went_on": lambda _: st.session_state.pop(_STOPPED, None),
            "cleared": lambda _: ignore(),  # the server knows; the page is made anew
        },
    )
    with st.container(key="classify-collect"):  # out of sight: a link among the answers leads there through it
        links.render_link(links.datasets(), "Collect photos of it", icon=":material/photo_library:")


def describe_seed(batch: PhotoBatch, fingerprint: str) -> Mapping[str, Any]:
    """What the route of answers would say, but of the newest photos only.

    Returns:
        See `docs/routes.md`; besides, `is_whole` says whether these are all photos.
    """
    found = batch.changes(fingerprint)
    newest = found.answers[-NUM_SEEDED:]
    return {
        **describe_changes(found, answers=newest),
        "is_whole": len(newest) == len(found.answers),
    }


def _wait_for_few(batch: PhotoBatch, fingerprint: str) -> None:
    """Let a few answers come that are due, for a moment."""
    has_changed = threading.Event()
    deadline = time.monotonic() + _PATIENCE_SECONDS
    with batch.bell.listening(has_changed.set):
        while (left := deadline - time.monotonic()) > 0:
            has_changed.clear()
            found = batch.changes(fingerprint)
            if not found.is_running or found.num_waiting > _NUM_FEW:
                return
            has_changed.wait(left)


def _addresses(batch: PhotoBatch, fingerprint: str, network_title: str) -> dict[str, str]:
    """Where the browser asks; see `docs/routes.md`."""
    photos = f"{routes_prefix()}/answers/{batch.batch_id}"
    url = f"{photos}/{fingerprint}"
    return {
        "batch_id": batch.batch_id,
        "fingerprint": fingerprint,
        "network": network_title,
        "url": url,
        "photos_url": f"{photos}/photos",
        "csv_url": f"{url}/table.csv?network={quote(network_title, safe='')}",
    }


def _stop(batch: PhotoBatch, fingerprint: str) -> None:
    batch.stop()
    # Photos that come later, and another network, begin anew: they are part of the mark.
    st.session_state[_STOPPED] = (batch.batch_id, batch.num_taken, fingerprint)
