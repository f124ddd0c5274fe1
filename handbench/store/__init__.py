"""Records, shards, manifest: how samples lie on disk, and how they get there safely."""

from handbench.store.dataset import Store, open_store
from handbench.store.record import Record
from handbench.store.verify import verify_store

__all__ = ["Record", "Store", "open_store", "verify_store"]
