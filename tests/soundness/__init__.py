"""What is said of settings before the bank starts."""
