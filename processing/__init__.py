"""Raw labelled text to tokenized train, validation and test splits."""
