"""What is told of a dataset that somebody has open."""

from dataclasses import replace

from core.datasets.ingest.desk import ImportStatus
from core.datasets.records import ImportState, ImportView
from core.jobs.views import Progress
from pages.words.dataset_told import tell_dataset

WAITING = ImportStatus(
    view=ImportView(
        id=3,
        dataset_id=1,
        state=ImportState.WAITING,
        request={"title": "30 photos"},
        task_id=7,
        created_at=0.0,
        finished_at=None,
        num_accepted=0,
        num_refused=0,
        refused=(),
        question=None,
    ),
    progress=None,
    is_active=True,
    error=None,
)


def test_an_import_under_way_has_a_bar():
    """With its title, what is being done, how far it is and how long it will take."""
    running = replace(WAITING, progress=Progress(fraction=0.25, message="8 of 30 photos", seconds_left=4.0))
    assert tell_dataset("", [WAITING])["imports"] == [
        {"id": 3, "title": "30 photos", "text": "Waiting for its turn", "fraction": 0.0}
    ]
    assert tell_dataset("", [running])["imports"] == [
        {"id": 3, "title": "30 photos", "text": "8 of 30 photos · about 4 seconds left", "fraction": 0.25}
    ]


def test_the_page_is_made_anew_for_what_it_shows_and_not_for_a_bar():
    """When an import comes, ends or asks, or the dataset changes; not for each photo that an import has read."""
    running = replace(WAITING, progress=Progress(fraction=0.25, message="8 of 30 photos", seconds_left=4.0))
    ended = replace(WAITING, view=replace(WAITING.view, state=ImportState.DONE), is_active=False)
    states = [
        tell_dataset(standing, statuses)["state"]
        for standing, statuses in ((1, []), (1, [WAITING]), (1, [running]), (1, [ended]), (2, [ended]))
    ]
    assert states[1] == states[2]
    assert len(set(states)) == 4
