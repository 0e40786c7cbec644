"""The history: what each day cost, kept in a database (the extra `store`)."""
