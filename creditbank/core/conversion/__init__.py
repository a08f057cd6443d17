"""Conversion: which of a learner's outcomes count toward which courses of a programme, at best, and why."""
