"""Qualifications: what a learner's record reaches of a definition, what is missing, and it in words."""
