"""Other systems where people clock in: asked on a schedule, one room each, behind one contract."""
