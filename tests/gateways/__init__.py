"""Claims about the neighbours of the bank."""
