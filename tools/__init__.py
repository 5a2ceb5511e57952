"""Generates documents: the tree of docs/architecture.md, the tables of docs/contract.md, the screenshots."""
