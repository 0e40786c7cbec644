"""The page that people look at: its parts, its charts, its data, and the whole of it."""
