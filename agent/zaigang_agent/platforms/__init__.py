"""Operating systems behind one protocol (`base.Platform`)."""
