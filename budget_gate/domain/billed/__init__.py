"""What the provider bills, and how that compares with list cost."""
