"""What renders."""
