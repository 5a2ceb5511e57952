"""SQL rules that decide each row's filter, label and split from its content alone."""
