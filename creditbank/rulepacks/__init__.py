"""Published systems encoded as rule sets: data, loaded by creditbank.packs."""
