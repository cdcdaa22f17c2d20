#!/usr/bin/env python3
"""A slow link between two network interfaces, for kernels without netem.

wire.py A B [--delay MS] [--jitter MS] [--rate MBIT] [--loss PERCENT] [--buffer MS]

Every Ethernet frame that arrives on A leaves on B and the other way round: delayed, paced and dropped as asked. Each
direction has its own queue, and --delay is that of one way. Prints the id of the process that forwards from then on,
which ends by itself when one of the interfaces goes.

wire.py --plain IFACE…

Switches off checksum and segmentation offload: frames must be real ones, of at most an MTU and with checksums.
"""

import argparse
import collections
import ctypes
import fcntl
import os
import random
import select
import socket
import struct
import sys
import time

SIOCETHTOOL = 0x8946
OFFLOADS = {"tx-csum": 0x17, "sg": 0x19, "tso": 0x1F, "gso": 0x24, "gro": 0x2C}
ETH_P_ALL, SOL_PACKET, PACKET_IGNORE_OUTGOING = 3, 263, 23
LARGEST_BATCH = 64  # frames read from one side before the other gets its turn


def make_plain(interface):
    control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for command in OFFLOADS.values():
        value = ctypes.create_string_buffer(struct.pack("II", command, 0), 8)
        request = struct.pack("16sP", interface.encode(), ctypes.addressof(value)) + b"\0" * 16
        try:
            fcntl.ioctl(control, SIOCETHTOOL, request)
        except OSError:
            pass  # not every kernel knows every offload


def tap(interface):
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
    raw.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    raw.bind((interface, 0))
    raw.setblocking(False)
    return raw


class Direction:
    def __init__(self, out, link):
        self.out, self.link, self.queue = out, link, collections.deque()
        self.free = 0.0  # when the last bit of what was accepted has left
        self.last = 0.0  # when the last frame arrives: nothing overtakes it

    def put(self, frame, now):
        link = self.link
        if link.loss and random.random() * 100 < link.loss:
            return
        start = max(now, self.free)
        if link.rate and start - now > link.buffer / 1000:
            return  # the router's buffer is full
        self.free = start + (len(frame) * 8 / (link.rate * 1e6) if link.rate else 0)
        self.last = max(self.free + (link.delay + random.uniform(0, link.jitter)) / 1000, self.last)
        self.queue.append((self.last, frame))

    def flush(self, now):
        while self.queue and self.queue[0][0] <= now:
            try:
                self.out.send(self.queue[0][1])
            except BlockingIOError:
                return
            except OSError:
                pass  # the interface is down: lost, as on a wire
            self.queue.popleft()


def forward(ways):
    while True:
        now = time.monotonic()
        due = [way.queue[0][0] for way in ways.values() if way.queue]
        ready, _, _ = select.select(list(ways), [], [], max(0, min(due) - now) if due else None)
        now = time.monotonic()
        for side in ready:
            for _ in range(LARGEST_BATCH):
                try:
                    frame = side.recv(65536)
                except BlockingIOError:
                    break
                except OSError:
                    return  # the interface is gone, and so is the host
                ways[side].put(frame, now)
        now = time.monotonic()
        for way in ways.values():
            way.flush(now)


def into_the_background():
    """Goes on in a child that holds nothing of the caller's, and ends the caller's wait once the link works."""
    child = os.fork()
    if child:
        print(child, flush=True)
        os._exit(0)
    os.setsid()
    null = os.open(os.devnull, os.O_RDWR)
    for standard in range(3):
        os.dup2(null, standard)


def main():
    if sys.argv[1:2] == ["--plain"]:
        for interface in sys.argv[2:]:
            make_plain(interface)
        return
    parser = argparse.ArgumentParser()
    parser.add_argument("a")
    parser.add_argument("b")
    for name, default in ("delay", 0), ("jitter", 0), ("rate", 0), ("loss", 0), ("buffer", 200):
        parser.add_argument("--" + name, type=float, default=default)
    link = parser.parse_args()
    os.closerange(3, 256)  # locks and pipes of whoever started this
    make_plain(link.a)
    make_plain(link.b)
    a, b = tap(link.a), tap(link.b)
    into_the_background()
    forward({a: Direction(b, link), b: Direction(a, link)})


main()
