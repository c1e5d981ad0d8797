"""The kinds of background task: one row each, with the function that does the work."""

from collections.abc import Mapping
from types import MappingProxyType

from core.backbones.preparation import PREPARE_KIND
from core.datasets.ingest.desk import IMPORT_KIND
from core.datasets.tasks import CHECK_KIND, CLEAR_KIND, EXPORT_KIND, LOOK_KIND, MAP_KIND, MODEL_LOOK_KIND
from core.export.desk import EXPORT_MODEL_KIND
from core.foreign.desk import BRING_KIND
from core.jobs.kinds import Lane, TaskKind
from core.projects.desk import READ_KIND, WRITE_KIND
from core.runs.desk import EXAMINE_KIND, PACKAGE_KIND, RATES_KIND, TRAIN_KIND
from core.spaces.deleting.desk import DELETE_KIND
from core.spaces.handing_out import HAND_OUT_KIND
from core.spaces.taking_home import TAKE_HOME_KIND

TASK_KINDS: Mapping[str, TaskKind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            TaskKind(
                name=PREPARE_KIND,
                title="Prepare backbone",
                handler="core.networks.prepare:run_prepare_task",
                lane=Lane.NETWORKS,
                max_attempts=3,
                on_worker_death="retry",
                is_shared=True,
            ),
            TaskKind(
                name=IMPORT_KIND,
                title="Import photos",
                handler="core.datasets.ingest.importing:run_import_task",
                lane=Lane.PHOTOS,
                max_attempts=3,
                on_worker_death="retry",
            ),
            TaskKind(
                name=CHECK_KIND,
                title="Check photos",
                handler="core.datasets.checks.checking:run_check_task",
                lane=Lane.PHOTOS,
                max_attempts=3,
                on_worker_death="retry",
                gives_way=True,  # photos that arrive are waited for
            ),
            TaskKind(
                name=MAP_KIND,
                title="Draw the map of a dataset",
                handler="core.datasets.mapping:run_map_task",
                lane=Lane.PHOTOS,
                max_attempts=3,
                on_worker_death="retry",
            ),
            TaskKind(
                name=LOOK_KIND,
                title="Look at the photos of a dataset",
                handler="core.sorting.looking:run_look_task",
                lane=Lane.PHOTOS,
                max_attempts=3,
                on_worker_death="retry",
            ),
            TaskKind(
                name=MODEL_LOOK_KIND,
                title="Have a model look at the photos of its dataset",
                handler="core.sorting.looking:run_model_look_task",
                lane=Lane.PHOTOS,
                max_attempts=3,
                on_worker_death="retry",
            ),
            TaskKind(
                name=EXPORT_KIND,
                title="Export a dataset",
                handler="core.datasets.exporting:run_export_task",
                lane=Lane.PHOTOS,
                max_attempts=3,
                on_worker_death="retry",
            ),
            TaskKind(
                name=CLEAR_KIND,
                title="Delete photos that nothing needs",
                handler="core.datasets.garbage:run_clear_task",
                lane=Lane.PHOTOS,
                max_attempts=3,
                on_worker_death="retry",
                is_shared=True,
            ),
            TaskKind(
                name=WRITE_KIND,
                title="Pack a project",
                handler="core.projects.tasks:run_write_task",
                lane=Lane.PHOTOS,
                max_attempts=3,
                on_worker_death="retry",
            ),
            TaskKind(
                name=READ_KIND,
                title="Bring a project in",
                handler="core.projects.tasks:run_read_task",
                lane=Lane.PHOTOS,
                max_attempts=3,
                on_worker_death="retry",
            ),
            TaskKind(
                name=BRING_KIND,
                title="Bring a model in",
                handler="core.foreign.tasks:run_bring_task",
                # Processes of its own do the work, with limits of their own; beside a training it would wait for hours.
                lane=Lane.PHOTOS,
                max_attempts=2,
                on_worker_death="retry",
            ),
            TaskKind(
                name=TRAIN_KIND,
                title="Train",
                handler="core.training.run:run_train_task",
                lane=Lane.NETWORKS,
                max_attempts=1,
                on_worker_death="interrupt",
            ),
            TaskKind(
                name=RATES_KIND,
                title="Help to search for a learning rate",
                handler="core.training.rate_helper:run_rates_task",
                lane=Lane.NETWORKS,
                max_attempts=1,
                on_worker_death="retry",  # never again by itself: the training that asked tries these rates itself
                gives_way=True,  # it only makes a training that has begun already a little faster
            ),
            TaskKind(
                name=PACKAGE_KIND,
                title="Package a model",
                handler="core.packaging.package:run_package_task",
                lane=Lane.NETWORKS,
                max_attempts=3,
                on_worker_death="retry",
                gives_way=True,  # people wait for the next training, seldom for files
            ),
            TaskKind(
                name=EXPORT_MODEL_KIND,
                title="Export a model",
                handler="core.packaging.export:run_export_model_task",
                lane=Lane.NETWORKS,
                max_attempts=3,
                on_worker_death="retry",
                gives_way=True,
            ),
            TaskKind(
                name=EXAMINE_KIND,
                title="Look closer at a model",
                handler="core.evaluation.examining:run_examine_task",
                lane=Lane.PHOTOS,
                max_attempts=3,
                on_worker_death="retry",
                gives_way=True,  # photos that arrive are waited for
            ),
            TaskKind(
                name=DELETE_KIND,
                title="Delete everything of a class, a pupil or an account",
                handler="core.spaces.deleting.task:run_delete_task",
                lane=Lane.PHOTOS,  # no import adds photos meanwhile
                max_attempts=3,
                on_worker_death="retry",
                is_shared=True,
            ),
            TaskKind(
                name=HAND_OUT_KIND,
                title="Hand out to pupils",
                handler="core.spaces.copying:run_hand_out_task",
                lane=Lane.PHOTOS,
                max_attempts=3,
                on_worker_death="retry",
                is_shared=True,
            ),
            TaskKind(
                name=TAKE_HOME_KIND,
                title="Pack the projects of a class",
                handler="core.spaces.taking_home:run_take_home_task",
                lane=Lane.PHOTOS,
                max_attempts=3,
                on_worker_death="retry",
                is_shared=True,
                gives_way=True,  # photos that arrive are waited for
            ),
        )
    }
)

TASK_KINDS_PATH = "core.task_kinds:TASK_KINDS"  # how a worker's command line names the table
