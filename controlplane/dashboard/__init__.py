"""The shell of the pages: layout, panels, health, metrics and error pages. It shows; it changes nothing."""
