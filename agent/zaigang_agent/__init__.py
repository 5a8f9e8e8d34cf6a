"""What runs on a laptop or a site node: looks, signs, keeps, sends, and deletes on receipt only."""
