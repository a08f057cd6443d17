"""The business of the bank: pure values and rules, without clock, randomness, I/O or libraries."""
