"""What the three images agree on: paths, hosts, cards, failures, options, logs.

Nothing here imports an image's package, and nothing reads the environment at import.
"""

__version__ = "0.1.0"
