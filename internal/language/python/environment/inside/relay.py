"""Relays connections to 127.0.0.1:7280 to the socket of the package index."""

import socket
import threading

ADDRESS = ("127.0.0.1", 7280)
SOCKET = "/index/socket"


def start():
    """Starts to relay, in threads that end with the process."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(ADDRESS)
    listener.listen(64)
    run(accept, listener)


def run(function, *arguments):
    thread = threading.Thread(target=function, args=arguments)
    thread.daemon = True
    thread.start()


def accept(listener):
    while True:
        client = listener.accept()[0]
        index = socket.socket(socket.AF_UNIX)
        try:
            index.connect(SOCKET)
        except OSError:
            client.close()
            continue
        run(copy, client, index)
        run(copy, index, client)


def copy(source, target):
    try:
        while True:
            data = source.recv(1 << 16)
            if not data:
                break
            target.sendall(data)
    except OSError:
        pass
    for end in (source, target):
        try:
            end.shutdown(socket.SHUT_RDWR if end is source else socket.SHUT_WR)
        except OSError:
            pass
