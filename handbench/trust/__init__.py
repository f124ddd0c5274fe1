"""Trust: howto texts, verification of any dataset, and what its findings mean."""
