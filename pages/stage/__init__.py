"""On stage: a screen that answers whoever walks past, and what happens when it sees a class."""
