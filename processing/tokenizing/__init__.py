"""Tokenizes texts, with the same token ids as the tokenizers library."""
