"""Files: the policy, prices, saved usage, an earlier report."""
