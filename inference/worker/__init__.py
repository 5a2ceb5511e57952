"""The worker processes that multi-model-server starts: request bodies in, scores out."""
