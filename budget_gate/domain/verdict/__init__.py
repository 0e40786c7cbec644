"""The verdict: spend against caps, and what earlier reports know."""
