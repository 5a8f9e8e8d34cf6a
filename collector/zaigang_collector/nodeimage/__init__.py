"""What goes onto the card of a site node. Pure: values in, files out; `writing` alone touches a disk."""
