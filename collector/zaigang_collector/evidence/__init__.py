"""Evidence for those outside: bundles of one assessment, and judging again from a bundle alone."""
