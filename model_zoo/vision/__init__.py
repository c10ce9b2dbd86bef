"""Models that look: what they share, and their tasks."""
