"""Applications: asked, decided by the engine or by a person who reviews, offered, signed."""
