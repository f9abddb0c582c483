"""What a message takes of the disk."""
