"""The environment signal, tried on air that somebody really measured. Pure.

found = reading.read(data)             # a file in the format of the UCI occupancy set
trial.same_room(found, setup)          # what the signal says of two sensors in that room
trial.elsewhere(found, other, setup)   # and of a sensor in other air
"""
