"""The server process: HTTP on port 8080; it starts the worker processes, hands requests to them and replaces them."""
