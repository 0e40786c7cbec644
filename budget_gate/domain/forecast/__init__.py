"""What is expected until the end of the month, and what is left."""
