"""Input files to batches of rows: formats, schemas, the query over a file, rejected rows."""
