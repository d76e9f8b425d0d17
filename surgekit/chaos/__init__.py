"""What goes wrong on purpose, and when."""
