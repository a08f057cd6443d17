"""A bank that is filled to be measured is a bank like any other."""
