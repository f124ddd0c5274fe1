"""Readers and writers of foreign file layouts; units and frames are converted here and nowhere else."""
