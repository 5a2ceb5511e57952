"""Rules that need all rows of the input: equal and similar texts, conflicting labels, strata and samples."""
