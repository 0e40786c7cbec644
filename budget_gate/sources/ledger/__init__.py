"""The ledger in Redis: what clients have counted themselves."""
