"""The report, for each place it is read in."""
