"""Where usage, workspaces, policies and prices come from."""
