"""Which processes run here, and who started them, as the kernel tells."""

from pathlib import Path


def processes() -> list[tuple[int, list[bytes]]]:
    """(process, its words) of all that run here."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                words = (entry / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
            except OSError:
                continue
            if words and words[0]:
                found.append((int(entry.name), words))
    return found


def ancestors(pid: int) -> set[int]:
    """Who started it, and who started that."""
    found: set[int] = set()
    while pid > 1:
        try:
            stat = Path(f"/proc/{pid}/stat").read_text()
        except OSError:
            return found
        pid = int(stat.rsplit(")", 1)[1].split()[1])
        found.add(pid)
    return found
