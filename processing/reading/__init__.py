"""Reads input files as batches of rows: formats, schemas, the SQL query over a file, rejected rows."""
