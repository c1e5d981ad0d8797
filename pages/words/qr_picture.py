"""QR codes on pages."""

import html

import segno

_QUIET_ZONE = 4  # modules of white around a code. Source: ISO/IEC 18004, section 9.1


def qr_picture(text: str, *, label: str) -> str:
    """A code as SVG in HTML, dark on white in every theme, as scanners want it.

    Args:
        text: what it says.
        label: what it is, for who cannot see it.
    """
    # As a picture: Streamlit takes drawings out of HTML.
    picture = segno.make_qr(text, error="m").svg_data_uri(border=_QUIET_ZONE, dark="#000", light="#fff", omitsize=True)
    return f'<div class="bluetit-qr"><img src="{html.escape(picture)}" alt="{html.escape(label)}"></div>'
