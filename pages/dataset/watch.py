"""What happens to the open dataset by itself: bars of imports, and the page made anew when others have changed it."""

from collections.abc import Mapping
from typing import Any

from core.errors import DatasetError
from core.services import Services
from pages.server.dataset_watch import dataset_progress_url
from pages.widgets.browser_component import load_component, show_component, watched_data
from pages.widgets.renewal import renew

_progress = load_component("import_progress", isolate_styles=False)


def render_watch(dataset_id: int, told: Mapping[str, Any], services: Services) -> None:
    """The bars, and the watch over the dataset.

    Args:
        dataset_id: of the open dataset.
        told: of the dataset, with its tag. To be asked for before anything else of it is read: photos that come in
            while the page is being made are noticed then, whichever parts show them already.
        services: the open services.
    """

    def stop(import_id: Any) -> None:
        if not isinstance(import_id, int):
            raise DatasetError(f"{import_id!r} came as the number of an import; a whole number was expected.")
        services.imports.cancel(import_id)

    show_component(
        _progress,
        key="dataset.progress",
        data=watched_data(told, "state", "imports", url=dataset_progress_url(dataset_id)),
        on_event={"changed": renew, "stop": stop},
    )
