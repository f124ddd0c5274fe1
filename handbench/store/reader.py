"""Reading shards.

Reading does not go through LMDB. A published file never changes, LMDB keeps every value in one piece, and
shard.json states where each record lies, so one ``pread`` fetches it: as fast as LMDB when the file is
cached, several times faster when it is not (LMDB takes a page fault for every 4 KB), safe in forked and
threaded readers, and a cut file is an error, not a SIGBUS.
"""

from __future__ import annotations

import os
from pathlib import Path

from handbench.errors import CorruptError
from handbench.store.record import Record, decode_record
from handbench.store.shardinfo import DATA, read_shard_info


class ShardReader:
    """Reads records of one published shard; picklable, and safe in threads and forked processes.

    Args:
        folder: the shard.

    Raises:
        CorruptError: when shard.json or the size of data.mdb differ from what was written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.info = read_shard_info(folder)
        self._file = (folder / DATA).open("rb", buffering=0)

    def read(self, sample_id: int) -> Record:
        """Reads and checks one record.

        Raises:
            KeyError: when the sample is not in this shard.
            CorruptError: when its bytes differ from what was written, naming shard and sample.
        """
        row = sample_id - self.info.first
        if not 0 <= row < self.info.n:
            raise KeyError(sample_id)
        data = os.pread(self._file.fileno(), int(self.info.lengths[row]), int(self.info.offsets[row]))
        try:
            record = decode_record(data, sample_id)
        except CorruptError as error:
            raise CorruptError(f"{self.folder}: {error}", f"remove {self.folder} and make it again") from None
        if record.checksum != int(self.info.checksums[row]):
            raise CorruptError(f"{self.folder}: sample {sample_id} is not the one that was written")
        return record

    def __reduce__(self) -> tuple[type[ShardReader], tuple[Path]]:
        return ShardReader, (self.folder,)
