"""Claims that published figures come out as published."""
