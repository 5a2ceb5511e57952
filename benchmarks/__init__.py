"""Benchmarks of each image against its alternative (tutorial, plain Trainer, Hugging Face toolkit)."""
