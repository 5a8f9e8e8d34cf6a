"""Arrivals: what devices publish is judged, stored, answered with a receipt, and read back."""
