"""Programs that write parts of the documents from the code: the tree of files, the tables of the contract."""
