"""Faults on purpose: killed trainings, stopped containers, broken requests and hours of load."""
