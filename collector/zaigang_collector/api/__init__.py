"""The REST interface under /api/v1. Each module is one resource; nothing here decides anything."""
