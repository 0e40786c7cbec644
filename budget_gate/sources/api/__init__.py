"""The organization's API, one file a route."""
