"""Claims about documents and values on their way in and out."""
