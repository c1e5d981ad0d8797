"""What happens to a photo, in three steps, with the real numbers of the last one."""

import streamlit as st

from core.backbones.artefacts import ArtefactRecord
from core.backbones.catalog import Backbone
from core.inference.photo_batch import BatchView
from pages.widgets.wording import percent, plain


def render_under_the_hood(backbone: Backbone, record: ArtefactRecord, view: BatchView) -> None:
    """A folded panel; the numbers are those of the last photo where there is one."""
    last = next((answer for answer in reversed(view.answers) if answer.classification), None)
    found, name = (last.classification, plain(last.photo.name)) if last else (None, "")
    height, width = record.image_size
    rows, columns, channels = record.feature_map_shape
    with st.expander("Under the hood", icon=":material/build:"):
        one, two, three = st.columns(3)
        with one:
            st.markdown("##### 1 · The photo becomes a square")
            st.markdown(
                "The largest square in the middle of the photo, less a narrow border, is scaled to "
                f"{width} × {height} pixels of red, green and blue: **{width * height * 3:,} numbers** from 0 to 255. "
                "What lies outside is never seen."
            )
            if found:
                st.caption(f"For {name}: {found.decode_milliseconds:.1f} ms")
        with two:
            st.markdown("##### 2 · The backbone looks for patterns")
            st.markdown(
                f"{backbone.title} ({backbone.num_parameters / 1e6:.1f} million learned numbers) turns them into "
                f"**{channels:,} patterns at {rows} × {columns} places** (the feature map), and takes the mean over "
                f"all places: {channels:,} numbers that say what is there, no matter where (the pooled features)."
            )
            if found:
                st.caption(f"For {name}: {found.network_milliseconds:.1f} ms, step 3 included")
        with three:
            st.markdown("##### 3 · The head weighs them")
            how = (
                f"One table of {channels:,} × 1,000 weights turns"
                if record.has_linear_head
                else "A few last layers of the network turn"
            )
            st.markdown(
                f"{how} the patterns into **1,000 scores**, and a softmax turns the scores into probabilities "
                "that add up to 100 %. The head must always share out the 100 %, even when it knows none of it. "
                "Retraining replaces this step by one for classes of your own."
            )
            if found:
                best = found.predictions[0]
                st.caption(f"For {name}: {best.label} {percent(best.probability)}")
        st.caption(
            "The fast version of this network (LiteRT) was compared with the original (Keras) when it was prepared: "
            f"no probability differed by more than {record.largest_probability_difference * 100:.5f} %."
        )
