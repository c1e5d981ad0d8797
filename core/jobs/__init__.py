"""Background work: tasks in the database, worker processes, and a supervisor that keeps them alive."""
