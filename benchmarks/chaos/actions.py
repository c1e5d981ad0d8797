"""What visitors do, and how often.

Each action looks at its space, chooses, and says what it would ask for before it does it.
"""

from collections.abc import Mapping

from benchmarks.chaos import photo_actions, work_actions
from benchmarks.chaos.bound import Act

ACTIONS: Mapping[Act, float] = {
    photo_actions.create: 2,
    photo_actions.duplicate: 0.5,
    photo_actions.delete: 0.5,
    photo_actions.purge: 0.7,
    photo_actions.import_photos: 12,
    photo_actions.edit: 8,
    photo_actions.restore: 1,
    photo_actions.rename: 0.5,
    photo_actions.undo: 3,
    photo_actions.look: 1,
    work_actions.train: 2,
    work_actions.cancel: 0.05,
    work_actions.forget: 0.5,
    work_actions.ask: 3,
    work_actions.bring: 3,
}
TRAINING = (work_actions.train, work_actions.cancel, work_actions.forget)  # and what follows
