"""The three entry points on one machine: no container, no account, no GPU."""
