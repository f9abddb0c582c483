"""Blobs: bytes that last, addressed by their SHA-256, on this provider's disk.

Words: `chunk` = 4 MiB of a blob on its way up; `plan` = a blob's hash, size and chunk hashes; `upload` = an unfinished
plan of one account in one space; `holding` = the right of a space to a blob, earned by bringing all of its bytes;
`reference` = a fact of the space that names the blob; `loose` = held, but named by no fact; `preview` = a picture made
anew, small and without metadata.

Invariants: a blob is read only through a space that holds it, and nobody learns what other spaces hold; a file under
its final name has exactly the bytes of its name; whatever dies at whatever moment, an upload goes on where it stopped;
user bytes are never run, rendered or unpacked in this process.
"""
