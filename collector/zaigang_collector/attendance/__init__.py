"""Claims: clock-ins with their provenance, exemptions, and the intervals that they make."""
