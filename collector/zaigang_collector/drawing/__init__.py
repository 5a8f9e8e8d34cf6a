"""Draws an assessment as a time line, and tells the same as a table. Pure: text from values."""
