"""The weights: which they are, and how they come to the disk."""
