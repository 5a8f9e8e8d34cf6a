"""Bluetooth: frames and presence are pure; radios live behind `air.Radio`."""
