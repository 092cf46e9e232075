"""The codecs of Avro blocks. A block is expanded in steps, or after looking at its declared size, so that a small one
that stands for gigabytes costs no more memory than the limits allow.
"""

from __future__ import annotations

import bz2
import lzma
import zlib
from collections.abc import Callable, Mapping
from typing import Protocol

import cramjam
from backports import zstd

STEP_BYTES = 64 * 1024
XZ_MEMORY_BYTES = 100 * 1024 * 1024  # `xz -9` needs 65 MiB; a stream's header may ask for 4 GiB
ZSTD_WINDOW_LOG = 27  # 128 MiB, for `zstd --ultra -22`; a frame's header may ask for 2 GiB
CRC_BYTES = 4  # of the expanded bytes, big-endian, after every snappy block

DAMAGE_ERRORS = (zlib.error, lzma.LZMAError, zstd.ZstdError, cramjam.DecompressionError, OSError, EOFError)


class _Decompressor(Protocol):
    """What the decompressors of bz2, lzma and zstd have in common."""

    @property
    def eof(self) -> bool: ...
    @property
    def needs_input(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, max_length: int = -1, /) -> bytes: ...


def expanded_bytes(block: bytes, codec: str, budget: int) -> int:
    """Return how many bytes a block expands to, or a number above the budget if that is more.

    Raises one of DAMAGE_ERRORS for a block that does not expand completely, or would be followed by another stream.
    """
    return _MEASURE[codec](block, budget)


def expand(block: bytes, codec: str) -> bytes:
    """Expand a block that has been measured."""
    return _EXPAND[codec](block)


def _inflated_bytes(block: bytes, budget: int) -> int:
    inflater = zlib.decompressobj(-zlib.MAX_WBITS)
    expanded, waiting = 0, block
    while waiting and not inflater.eof and expanded <= budget:
        expanded += len(inflater.decompress(waiting, STEP_BYTES))
        waiting = inflater.unconsumed_tail
    if expanded <= budget:
        expanded += len(inflater.flush())
        if not inflater.eof:
            raise EOFError("the stream does not end")
    return expanded


def _unsnapped_bytes(block: bytes, budget: int) -> int:
    compressed, checksum = block[:-CRC_BYTES], block[-CRC_BYTES:]
    declared = cramjam.snappy.decompress_raw_len(compressed)
    if declared > budget:
        return declared
    expanded = cramjam.snappy.decompress_raw(compressed).read()
    if zlib.crc32(expanded).to_bytes(CRC_BYTES, "big") != checksum:
        raise EOFError("the checksum does not match")
    return len(expanded)


def _streamed(make: Callable[[], _Decompressor]) -> Callable[[bytes, int], int]:
    def measure(block: bytes, budget: int) -> int:
        decompressor = make()
        expanded, waiting = 0, block
        while not decompressor.eof and expanded <= budget:
            piece = decompressor.decompress(waiting, STEP_BYTES)
            if not piece and decompressor.needs_input:
                raise EOFError("the stream does not end")
            expanded, waiting = expanded + len(piece), b""
        if decompressor.unused_data:
            raise EOFError("the decoder would continue into a second stream, which is not inspected")
        return expanded

    return measure


_MEASURE: Mapping[str, Callable[[bytes, int], int]] = {
    "null": lambda block, _: len(block),
    "deflate": _inflated_bytes,
    "bzip2": _streamed(bz2.BZ2Decompressor),
    "snappy": _unsnapped_bytes,
    "xz": _streamed(lambda: lzma.LZMADecompressor(memlimit=XZ_MEMORY_BYTES)),
    "zstandard": _streamed(
        lambda: zstd.ZstdDecompressor(options={zstd.DecompressionParameter.window_log_max: ZSTD_WINDOW_LOG})
    ),
}

_EXPAND: Mapping[str, Callable[[bytes], bytes]] = {
    "null": bytes,
    "deflate": lambda block: zlib.decompressobj(-zlib.MAX_WBITS).decompress(block),
    "bzip2": bz2.decompress,
    "snappy": lambda block: cramjam.snappy.decompress_raw(block[:-CRC_BYTES]).read(),
    "xz": lzma.decompress,
    "zstandard": zstd.decompress,
}

CODECS = tuple(_MEASURE)  # every codec of the Avro specification
