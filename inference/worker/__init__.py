"""The worker processes, which hold the model: they decode requests, run forward passes and encode responses."""
