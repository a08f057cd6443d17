"""Documents and values on their way in and out: bytes to values and back, without database or network."""
