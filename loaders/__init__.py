"""Datasets on disk to Samples: one file a dataset, each registers itself."""
