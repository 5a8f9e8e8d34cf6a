"""Feishu 飞书, and Lark: punches, leave, trips and people of one company, by an application of its own."""
