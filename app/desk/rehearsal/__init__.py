"""An alert tried on its real strategy: through the real door, every step told, nothing moved."""
