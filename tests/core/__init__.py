"""Claims about the business itself, without a database."""
