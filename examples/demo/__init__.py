"""`make demo`: runs the three entry points one after the other on this machine, without container, AWS or GPU."""
