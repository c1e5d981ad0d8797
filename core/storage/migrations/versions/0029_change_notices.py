"""PostgreSQL tells whoever listens which rows have changed that people look at; topics: `core.storage.notices`."""

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

_RUN = """
CREATE FUNCTION bluetit_tell_run() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed runs := COALESCE(NEW, OLD);
BEGIN
    PERFORM pg_notify('bluetit_changes', 'run:' || changed.id);
    PERFORM pg_notify('bluetit_changes', 'runs:' || changed.space_id);
    RETURN NULL;
END $$
"""
_TASK = """
CREATE FUNCTION bluetit_tell_task() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed tasks := COALESCE(NEW, OLD);
BEGIN
    PERFORM pg_notify('bluetit_changes', 'task:' || left(COALESCE(changed.key, ''), 200));
    PERFORM pg_notify('bluetit_changes', 'tasks:' || COALESCE(changed.space_id, 0) || ':' || changed.kind);
    RETURN NULL;
END $$
"""
_TASK_EVENT = """
CREATE FUNCTION bluetit_tell_task_event() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_task tasks;
BEGIN
    SELECT * INTO of_task FROM tasks WHERE id = NEW.task_id;
    PERFORM pg_notify('bluetit_changes', 'task:' || left(COALESCE(of_task.key, ''), 200));
    PERFORM pg_notify('bluetit_changes', 'tasks:' || COALESCE(of_task.space_id, 0) || ':' || of_task.kind);
    RETURN NULL;
END $$
"""
_DATASET = """
CREATE FUNCTION bluetit_tell_dataset() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed record := COALESCE(NEW, OLD);
BEGIN
    PERFORM pg_notify('bluetit_changes', 'dataset:' || changed.id);
    RETURN NULL;
END $$
"""
_OF_DATASET = """
CREATE FUNCTION bluetit_tell_of_dataset() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed record := COALESCE(NEW, OLD);
BEGIN
    PERFORM pg_notify('bluetit_changes', 'dataset:' || changed.dataset_id);
    RETURN NULL;
END $$
"""
_ANY = "INSERT OR UPDATE OR DELETE"
# Of a task's events only those that come: at its end its reports go, thousands at once.
_TOLD = (
    ("runs", _ANY, "run"),
    ("tasks", _ANY, "task"),
    ("task_events", "INSERT", "task_event"),
    ("datasets", _ANY, "dataset"),
    ("photo_imports", _ANY, "of_dataset"),
    ("dataset_checks", _ANY, "of_dataset"),
    ("phone_links", _ANY, "of_dataset"),
)
_NAMES = ("run", "task", "task_event", "dataset", "of_dataset")


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for function in (_RUN, _TASK, _TASK_EVENT, _DATASET, _OF_DATASET):
        op.execute(function)
    for table, when, name in _TOLD:
        op.execute(
            f"CREATE TRIGGER bluetit_tell AFTER {when} ON {table} FOR EACH ROW EXECUTE FUNCTION bluetit_tell_{name}()"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    for table, _, _ in _TOLD:
        op.execute(f"DROP TRIGGER bluetit_tell ON {table}")
    for name in _NAMES:
        op.execute(f"DROP FUNCTION bluetit_tell_{name}()")
