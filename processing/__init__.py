"""The processing image: raw labelled text to tokenized train, validation and test splits."""
