"""Each image against its peer, in one run on one machine."""
