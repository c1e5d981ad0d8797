"""The photos that a visitor has had classified: one batch, found again after a reload, on whichever page."""

import streamlit as st

from core.inference.batch_notes import batch_owner
from core.inference.photo_batch import PhotoBatch
from core.services import Services
from pages.server.visitor import visitor_key
from pages.widgets import links

_BATCH = "visitor_photos.batch"


def open_batch(services: Services) -> PhotoBatch:
    """This visitor's photos; their id in the address brings them back after a reload, on whichever page.

    The id means nothing to anybody else: whoever else opens the address has an empty page.
    """
    batch_id = st.session_state.get(_BATCH) or st.query_params.get(links.PHOTOS)
    batch = services.batches.open(batch_id, owner=batch_owner(services.space_id, visitor_key()))
    st.session_state[_BATCH] = batch.batch_id
    st.query_params[links.PHOTOS] = batch.batch_id
    return batch
