#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One machine of the lab: lives in its namespace, reads orders as lines of JSON, answers each with a line.

    {"do": "listen", "ports": [...]}      TCP and UDP echo, both families, on each port
    {"do": "probe", "probes": [...]}      all at once: [kind, address, port, source address, source port, word]
    {"do": "heard"}                       {word: address and port that the datagram came from}
"""
import json
import selectors
import socket
import sys
import threading
import time

HEARD = {}
WAIT = 1.0


def serve_udp(sock):
    while True:
        data, peer = sock.recvfrom(2048)
        HEARD[data.decode()] = [peer[0].removeprefix("::ffff:"), peer[1]]
        try:
            sock.sendto(b"answer", peer)
        except OSError:
            pass


def serve_tcp(sock):
    while True:
        conn, peer = sock.accept()
        try:
            conn.sendall(json.dumps([peer[0].removeprefix("::ffff:"), peer[1]]).encode() + b"\n")
        except OSError:
            pass
        conn.close()


def listen(ports):
    for port in ports:
        for kind, serve in ((socket.SOCK_DGRAM, serve_udp), (socket.SOCK_STREAM, serve_tcp)):
            sock = socket.socket(socket.AF_INET6, kind)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("::", port))
            if kind == socket.SOCK_STREAM:
                sock.listen(64)
            threading.Thread(target=serve, args=(sock,), daemon=True).start()


def start(probe):
    kind, address, port, source, source_port, word = probe
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    sock.setblocking(False)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if source or source_port:
        sock.bind((source or ("::" if ":" in address else "0.0.0.0"), source_port))
    if kind == "tcp":
        sock.connect_ex((address, port))
    else:
        sock.connect((address, port))
        sock.send(word.encode())
    return sock


def probe_all(probes):
    answers = [None] * len(probes)
    waiting = selectors.DefaultSelector()
    for i, p in enumerate(probes):
        try:
            waiting.register(start(p), selectors.EVENT_READ, i)
        except OSError as e:
            answers[i] = ["error", e.strerror]
    end = time.monotonic() + WAIT
    while waiting.get_map() and time.monotonic() < end:
        for key, _ in waiting.select(max(0, end - time.monotonic())):
            try:
                data = key.fileobj.recv(2048)
                answers[key.data] = ["yes", data.decode().strip()]
            except OSError as e:
                answers[key.data] = ["refused", e.strerror]
            waiting.unregister(key.fileobj)
            key.fileobj.close()
    for key in list(waiting.get_map().values()):
        answers[key.data] = ["silence", ""]
        key.fileobj.close()
    return answers


def main():
    for line in sys.stdin:
        order = json.loads(line)
        if order["do"] == "listen":
            listen(order["ports"])
            answer = True
        elif order["do"] == "probe":
            answer = probe_all(order["probes"])
        else:
            answer = HEARD
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
