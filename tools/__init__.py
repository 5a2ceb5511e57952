"""Writes documents: the tree of docs/architecture.md, the tables of docs/contract.md, the pictures of docs/images."""
