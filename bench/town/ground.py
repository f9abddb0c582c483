"""The ground the town stands on: a network, mounts and processes of its own, that vanish with the last of them."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

#: Inside: the number, outside, of the process whose only child is ours.
INSIDE = "VERBUND_TOWN"
#: People, names and the lines between the houses are here; house number n is NETWORK.(HOUSE_FIRST + n).
NETWORK, PEOPLE, HOUSE_FIRST, LINE_FIRST = "10.77.0", "10.77.0.1", 11, 111
BRIDGE = "town"
PROGRAMS = {"ip": "iproute2", "nft": "nftables", "unshare": "util-linux"}
_OWN = ("unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc")
_AS_USER = ("--user", "--map-root-user")
COMMAND_TIMEOUT_S = 30


def missing() -> str:
    """Why no town can stand here, German and English; empty when one can."""
    lacking = sorted({package for program, package in PROGRAMS.items() if shutil.which(program, path=_path()) is None})
    if lacking:
        return f"Es fehlen: {', '.join(lacking)} (apt install). / Missing: {', '.join(lacking)}."
    if (
        os.environ.get(INSIDE)
        or subprocess.run([*_unshare(), "true"], capture_output=True, check=False).returncode == 0
    ):
        return ""
    return (
        "Eigene Netze darf hier nur root anlegen: noch einmal mit sudo. / "
        "Only root may make networks of one's own here: try again with sudo."
    )


def enter(module: str, arguments: list[str]) -> None:
    """Go on in namespaces of our own: the program begins anew there. Returns only inside, with the ground prepared."""
    if os.environ.get(INSIDE):
        _prepare()
        return
    os.environ.update({INSIDE: str(os.getpid()), "PATH": _path()})
    command = [*_unshare(), sys.executable, "-m", module, *arguments]
    os.execvp(command[0], command)


def run(*command: str) -> str:
    """What a program of the system says. Raises with its complaint."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=COMMAND_TIMEOUT_S, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


def build(name: str, number: int) -> str:
    """A network of its own, tied to the bridge; its address."""
    address, wire = f"{NETWORK}.{HOUSE_FIRST + number}", f"to{number}"
    run("ip", "netns", "add", name)
    run("ip", "link", "add", wire, "type", "veth", "peer", "name", "eth0", "netns", name)
    run("ip", "link", "set", wire, "master", BRIDGE, "up")
    for command in ("link set lo up", f"addr add {address}/24 dev eth0", "link set eth0 up"):
        run("ip", "-n", name, *command.split())
    return address


def _prepare() -> None:
    """An empty /run for the networks' names, the bridge, and our own names instead of the machine's."""
    run("mount", "-t", "tmpfs", "none", "/run")
    names = Path("/etc/resolv.conf").resolve()
    if not names.exists():
        names.parent.mkdir(parents=True, exist_ok=True)
        names.touch()
    ours = Path("/run/names.conf")
    ours.write_text(f"nameserver {PEOPLE}\noptions timeout:1 attempts:2\n")
    run("mount", "--bind", str(ours), str(names))
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", BRIDGE, "type", "bridge")
    run("ip", "addr", "add", f"{PEOPLE}/24", "dev", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up")


def way_in() -> str:
    """What leads a command from outside in here."""
    user = "" if is_root() else " -U --preserve-credentials"
    return f"nsenter -t $(pgrep -P {os.environ[INSIDE]}){user} -n -m -p"


def is_root() -> bool:
    """Whether outside, too."""
    return Path("/proc/self/uid_map").read_text().split()[1] == "0"


def _unshare() -> tuple[str, ...]:
    return (_OWN[0], *(() if os.geteuid() == 0 else _AS_USER), *_OWN[1:])


def _path() -> str:
    return f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
