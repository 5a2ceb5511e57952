"""Robustness tests: killed trainings, stopped containers, fuzzed requests, memory under load."""
