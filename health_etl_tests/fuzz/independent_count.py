"""Counts the records that an Avro container declares, without the project's code and without a library.

A decoder that returns fewer would lose records silently.
"""

from __future__ import annotations

from dataclasses import dataclass

HEADER_MARK = b"Obj\x01"
SYNC_BYTES = 16


@dataclass(frozen=True)
class Block:
    """The offsets of one block: its count, its length, its payload, its end after the sync marker."""

    start: int
    length_at: int
    payload_at: int
    payload_end: int
    end: int
    records: int


@dataclass(frozen=True)
class Layout:
    """The offsets of everything in a container."""

    header_end: int  # after the sync marker
    sync: bytes
    blocks: tuple[Block, ...]


def count_records(content: bytes) -> int:
    """Return the number of records that the blocks declare; ValueError if the bytes do not add up exactly."""
    return sum(block.records for block in layout(content).blocks)


def layout(content: bytes) -> Layout:
    """Return the offsets of everything; ValueError if the bytes do not add up exactly."""
    if content[:4] != HEADER_MARK:
        raise ValueError("not an Avro container")
    at = 4
    while True:
        entries, at = number(content, at)
        if entries == 0:
            break
        if entries < 0:
            _, at = number(content, at)
        for _ in range(2 * abs(entries)):
            size, at = number(content, at)
            at = _skip(content, at, size)
    end = _skip(content, at, SYNC_BYTES)
    sync = content[at:end]
    blocks = []
    while end < len(content):
        block = _block(content, end, sync)
        blocks.append(block)
        end = block.end
    return Layout(at + SYNC_BYTES, sync, tuple(blocks))


def number(content: bytes, at: int) -> tuple[int, int]:
    """Return a zigzag number and the position after it."""
    value = shift = 0
    while True:
        if at >= len(content) or shift > 63:
            raise ValueError("a number does not end")
        value |= (content[at] & 0x7F) << shift
        at += 1
        if content[at - 1] < 0x80:
            return (value >> 1) ^ -(value & 1), at
        shift += 7


def zigzag(value: int) -> bytes:
    """Encode a number as zigzag bytes."""
    rest = ((value << 1) ^ (value >> 63)) & 0xFFFFFFFFFFFFFFFF
    found = bytearray()
    while rest > 0x7F:
        found.append(rest & 0x7F | 0x80)
        rest >>= 7
    return bytes([*found, rest])


def _block(content: bytes, start: int, sync: bytes) -> Block:
    records, length_at = number(content, start)
    size, payload_at = number(content, length_at)
    if records < 0 or size < 0:
        raise ValueError("a count is negative")
    payload_end = _skip(content, payload_at, size)
    end = _skip(content, payload_end, SYNC_BYTES)
    if content[payload_end:end] != sync:
        raise ValueError("a block does not end in its marker")
    return Block(start, length_at, payload_at, payload_end, end, records)


def _skip(content: bytes, at: int, size: int) -> int:
    if size < 0 or at + size > len(content):
        raise ValueError("the bytes are truncated")
    return at + size
