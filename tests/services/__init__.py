"""Claims about the use cases, on both engines."""
