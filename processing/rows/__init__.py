"""What becomes of a row, from its content alone: its filter, its label and its split."""
