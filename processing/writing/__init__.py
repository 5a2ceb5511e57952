"""Prepared splits on disk, staged until every one of them is complete."""
