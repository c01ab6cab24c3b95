# SPDX-License-Identifier: MIT
"""Captures as files for the tests of trace: classic and pcapng, in both orders of bytes."""
import struct

GUEST, PEER, ALL = (bytes.fromhex(text) for text in ("525400123456", "525400000001", "ffffffffffff"))


def arp(sender, mac=GUEST):
    """A request of the guest, in a frame of 60 bytes."""
    packet = struct.pack("!HHBBH", 1, 0x800, 6, 4, 1) + mac + bytes(sender) + bytes(6) + bytes((10, 0, 0, 254))
    return (ALL + mac + b"\x08\x06" + packet).ljust(60, b"\0")


def pcap(frames, order="<", link=1, magic=0xA1B2C3D4, snap=65535):
    out = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, snap, link)
    for number, frame in enumerate(frames):
        out += struct.pack(order + "IIII", 1700000000 + number, 0, len(frame[:snap]), len(frame)) + frame[:snap]
    return out


def block(kind, body, order="<"):
    body += bytes(-len(body) % 4)
    return struct.pack(order + "II", kind, len(body) + 12) + body + struct.pack(order + "I", len(body) + 12)


def pcapng(frames, order="<", link=1):
    out = block(0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1), order)
    out += block(1, struct.pack(order + "HHI", link, 0, 65535), order)
    for number, frame in enumerate(frames):
        micros = (1700000000 + number) * 1000000
        out += block(6, struct.pack(order + "IIIII", 0, micros >> 32, micros & 0xFFFFFFFF, len(frame), len(frame)) + frame, order)
    return out
