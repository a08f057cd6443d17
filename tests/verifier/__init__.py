"""Claims about the verifier that shares no code with the bank, and about the export that it reads."""
