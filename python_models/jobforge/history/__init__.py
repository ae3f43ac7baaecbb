"""What gold said, and when: its layer and its changes, into the ledger and out again."""
