"""Each image measured against its peer, in one run on one machine."""
