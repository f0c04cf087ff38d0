"""Definitions as pictures: a layered layout of an outline, drawn by the server, with the overlay of a run; pure."""

from compositions.diagrams.drawing import Diagram, draw
from compositions.diagrams.overlay import Seen

__all__ = ["Diagram", "Seen", "draw"]
