"""The action as a workflow runs it; needs the `act` binary, so it is run by name only."""
