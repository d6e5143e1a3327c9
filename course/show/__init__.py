"""How things look: figures and pages with a text alternative, colours, axes, and timings drawn."""
