"""Moving house by file: everything of a space or an organisation in one file, for another provider.

Words: an *export* is that file; *checking* it looks at every hash, chain and signature and writes nothing; *taking it
in* is the log's own `accept`, so it merges with what is there and can be done again.

Invariants: what was erased is not in the file, and an import brings nothing back that was erased here. A file that is
damaged or forged is refused before anything of it is written.
"""
