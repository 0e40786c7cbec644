"""What clients have counted themselves, against what the usage report has of it."""
