"""Channels of prepared or raw rows: found, tokenized, ordered and padded to batches."""
