"""Shared by the three images: paths, hosts, card.json, failures, options, logs, HTML pages.

Nothing here imports an image's package, and nothing reads the environment at import.
"""

__version__ = "0.1.0"
