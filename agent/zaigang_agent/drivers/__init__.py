"""Climate sensors on I2C: pure bytes-to-values per sensor, the bus apart from its Linux adapter."""
