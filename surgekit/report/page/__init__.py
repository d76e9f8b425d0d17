"""The parts of the HTML report: markup, sections, and the files that travel inside the page."""
