"""What is held about somebody, encrypted under a key of their own, which can be destroyed."""
