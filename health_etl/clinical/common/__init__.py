"""What the processors of several record types share."""
