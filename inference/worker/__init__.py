"""The worker processes that multi-model-server starts: they decode requests, run the model and encode responses."""
