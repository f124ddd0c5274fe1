"""Models (torch): one file a model, each registers itself."""
