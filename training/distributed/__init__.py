"""Several ranks on one host or many: launching, failing, stopping and sharding."""
