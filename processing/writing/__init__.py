"""Writers of the splits, and staging folders from which the splits are published when all are complete."""
