"""A report as text, Markdown, JSON, and what GitHub Actions reads."""
