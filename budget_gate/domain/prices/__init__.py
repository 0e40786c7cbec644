"""Prices: cards, the book, and what usage costs by it."""
