"""Records, shards, manifest: how samples lie on disk, and how they get there safely."""
