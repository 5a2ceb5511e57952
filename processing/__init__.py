"""The processing image: turns raw labelled text into tokenized train, validation and test splits."""
