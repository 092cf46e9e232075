"""Code that the processors of several record types share. What one type alone uses belongs in its own package."""
