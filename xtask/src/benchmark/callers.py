"""Callers who are no use to anybody, for `cargo xtask bench door`: idle ones, slow ones, and some who guess keys.

    callers.py idle {http1,tls,http2} PORT HOW_MANY KEY    ask once, then keep the connection
    callers.py heads PORT HOW_MANY                          begin the head of a request and never finish it
    callers.py hung PORT HOW_MANY KEY                       ask for what never comes
    callers.py guesses PORT A_SECOND                        ask with keys that do not exist, until ended
    callers.py silent PORT                                  no caller but an upstream that takes connections and says nothing

Each says `ready` on standard error when its connections stand, and holds them until it is ended.
"""

import itertools
import signal
import socket
import ssl
import sys
import time

UNKNOWN = "other_live_" + "A" * 40


def connect(port):
    return socket.create_connection(("127.0.0.1", port))


def request(host, key):
    return f"GET /v1/tasks HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n\r\n".encode()


def secured(port, protocol):
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols([protocol])
    return context.wrap_socket(connect(port), server_hostname="shop.test")


def ask(stream, key):
    stream.sendall(request("shop.test", key))
    received = b""
    while b"\r\n\r\n" not in received:
        received += stream.recv(65536)
    assert received.startswith(b"HTTP/1.1 200"), received
    return stream


def literal(name, value):
    """A header that is in no table (RFC 7541, section 6.2.2)."""

    def sized(text):
        length = len(text)
        return (bytes([length]) if length < 127 else bytes([127, length - 127])) + text.encode()

    return b"\0" + sized(name) + sized(value)


def frame(kind, flags, stream, payload):
    return len(payload).to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def ask_http2(stream, key):
    pseudo = {":method": "GET", ":scheme": "https", ":path": "/v1/tasks", ":authority": "shop.test"}
    head = b"".join(literal(*header) for header in {**pseudo, "authorization": f"Bearer {key}"}.items())
    stream.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + frame(4, 0, 0, b"") + frame(4, 1, 0, b"") + frame(1, 5, 1, head))
    received, is_over = b"", False
    while not is_over:
        received += stream.recv(65536)
        while len(received) >= 9 and len(received) >= 9 + int.from_bytes(received[:3], "big"):
            length, kind, flags = int.from_bytes(received[:3], "big"), received[3], received[4]
            is_over |= kind in (0, 1) and flags & 1 == 1
            received = received[9 + length :]
    return stream


def idle(protocol, port, how_many, key):
    opened = {
        "http1": lambda: ask(connect(port), key),
        "tls": lambda: ask(secured(port, "http/1.1"), key),
        "http2": lambda: ask_http2(secured(port, "h2"), key),
    }[protocol]
    return [opened() for _ in range(how_many)]


def begun(port, how_many, text):
    streams = [connect(port) for _ in range(how_many)]
    for stream in streams:
        stream.sendall(text)
    # All of them arrive within some hundredths of a second. What lasts is measured, and not that.
    time.sleep(1)
    return streams


def guess(port, a_second):
    streams = [connect(port) for _ in range(20)]
    print("ready", file=sys.stderr, flush=True)
    due = time.monotonic()
    for turn in itertools.cycle(range(len(streams))):
        streams[turn].sendall(request("other.test", UNKNOWN))
        assert streams[turn].recv(65536).startswith(b"HTTP/1.1 401")
        due += 1 / a_second
        time.sleep(max(0, due - time.monotonic()))


def listen(port):
    upstream = socket.create_server(("127.0.0.1", port), backlog=4096)
    return [upstream]


def main(what, *rest):
    if what == "guesses":
        guess(int(rest[0]), int(rest[1]))
    elif what == "idle":
        held = idle(rest[0], int(rest[1]), int(rest[2]), rest[3])
    elif what == "heads":
        held = begun(int(rest[0]), int(rest[1]), b"GET /v1/tasks HTTP/1.1\r\nHost: other.test\r\nAutho")
    elif what == "hung":
        held = begun(int(rest[0]), int(rest[1]), request("other.test", rest[2]))
    elif what == "silent":
        held = listen(int(rest[0]))
    print("ready", file=sys.stderr, flush=True)
    signal.pause()
    del held


main(*sys.argv[1:])
