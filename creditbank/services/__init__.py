"""Use cases: one function is one thing asked of the bank."""
