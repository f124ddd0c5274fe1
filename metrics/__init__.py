"""Official metrics as pure functions of arrays, and the protocols that combine them."""
