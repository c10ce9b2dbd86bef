"""Sentiment: a text cut for the network, its pieces in batches, and what a page shows of it."""
