"""The program that checks signatures beside a provider: `python -m verbund.log.checker`, with its socket as standard
input. Knows no store; keeps nothing; ends when its provider closes the socket or is gone.
"""

import socket
import struct

import msgspec

from verbund.base.keys import ED25519, PublicKey, verify

#: More than a frame of entries can be (see bulk.py), with what is signed written out.
ASKED_BYTES_MAX = 64 * 1024 * 1024
_SIZE = struct.Struct("!I")


class Asked(msgspec.Struct, array_like=True):
    """Signatures to look at: (public key, signature, what is signed), all Ed25519."""

    number: int
    signatures: list[tuple[bytes, bytes, bytes]]


class Told(msgspec.Struct, array_like=True):
    """To the question of this number: a byte for each signature, 1 where it is right."""

    number: int
    right: bytes


def send(to: socket.socket, what: Asked | Told) -> None:
    raw = msgspec.msgpack.encode(what)
    to.sendall(_SIZE.pack(len(raw)) + raw)


def receive(of: socket.socket, bytes_max: int = ASKED_BYTES_MAX) -> bytes:
    """The next message. Raises EOFError at the end, OSError, ValueError for one that is too long."""
    (size,) = _SIZE.unpack(_exactly(of, _SIZE.size))
    if size > bytes_max:
        raise ValueError(size)
    return _exactly(of, size)


def _exactly(of: socket.socket, size: int) -> bytes:
    found = bytearray(size)
    left = memoryview(found)
    while left:
        count = of.recv_into(left)
        if not count:
            raise EOFError
        left = left[count:]
    return bytes(found)


def answer(asked: Asked) -> Told:
    right = bytes(verify(PublicKey(ED25519, key), signature, signed) for key, signature, signed in asked.signatures)
    return Told(asked.number, right)


def main() -> None:
    decoder = msgspec.msgpack.Decoder(Asked)
    with socket.socket(fileno=0) as provider:
        while True:
            try:
                raw = receive(provider)
            except (EOFError, OSError):
                return
            send(provider, answer(decoder.decode(raw)))


if __name__ == "__main__":
    main()
