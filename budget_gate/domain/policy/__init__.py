"""The policy: its model, what its keys name, and the caps in force."""
