"""Where it broke: at what offered rate, in which phase, because of what."""
