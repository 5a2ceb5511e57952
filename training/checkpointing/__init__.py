"""Checkpoints: saved by all ranks, verified, chosen and resumed."""
