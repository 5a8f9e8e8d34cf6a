"""The closed loop (查证案件): from a doubt to a conclusion that can be appealed."""
