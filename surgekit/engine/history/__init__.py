"""What an engine writes down, and the figures that are made of it meanwhile."""
