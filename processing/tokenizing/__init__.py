"""Text to token ids, equal to those of the tokenizers library."""
