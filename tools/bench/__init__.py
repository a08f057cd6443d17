"""The benchmark: the bank over HTTP beside the limit of its stack and of its database, in one run."""
