"""Everything that is stored, derived anew from the bytes that cannot be forged."""
