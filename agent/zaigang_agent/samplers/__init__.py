"""Ways of looking, one small module each. Every module says what it never reads."""
