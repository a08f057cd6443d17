"""The house itself: its documents and its measures."""
