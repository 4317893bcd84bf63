"""Many tickets at once: bodies of a million lines, stored and handled a few hundred at a time."""
