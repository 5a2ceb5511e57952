"""report.json and report.html: statistics of the rows, and their diagrams."""
