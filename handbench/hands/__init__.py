"""Hand models: parameters to vertices and joints, right and left, MANO or procedural."""
