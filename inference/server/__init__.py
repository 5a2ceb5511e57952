"""The server process: the HTTP front on port 8080, multi-model-server as its child process, and the proxy to it."""
