"""The layers of a network, as far as they are known."""

from core.backbones.artefacts import find_artefact
from core.backbones.catalog import find_backbone
from core.backbones.layers import LayerRow
from core.errors import ArtefactDamagedError, UnknownBackboneError
from core.services import Services
from pages.widgets.errors import show_error


def layers_of(name: str, services: Services) -> tuple[LayerRow, ...]:
    """The layers of a backbone; none when it has not been prepared."""
    try:
        artefact = find_artefact(find_backbone(name), services.settings)
        return () if artefact is None else artefact.read_layers()
    except UnknownBackboneError:
        return ()  # of the Hub, or from scratch
    except ArtefactDamagedError as exc:
        show_error(str(exc))
        return ()
