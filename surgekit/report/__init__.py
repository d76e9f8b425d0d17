"""A finished run, told to people and to machines: terminal, HTML, JUnit, Markdown, JSON."""
