"""The specification of the bank: each test's name is a claim, its body the proof."""
