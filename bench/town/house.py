"""A provider on a network of its own: everything of it runs there, and ends with it."""

import os
import signal
from pathlib import Path
from typing import NamedTuple

from bench.town import ground
from tests.flows.server import Server
from tests.meet.host import janus_of, supervisors_of

HTTPS = 443
DISK_MIB = 900


class Plot(NamedTuple):
    """Where a house may stand: its name in the network, as people see it, where it is, who answers for it."""

    name: str
    shown: str
    town: str
    operator: str

    @property
    def domain(self) -> str:
        return f"{self.name}.test"


PLOTS = (
    Plot("werkhof", "Werkhof", "Kassel", "Anton Werk"),
    Plot("suednetz", "Südnetz", "Freiburg", "Bea Süd"),
    Plot("nordlicht", "Nordlicht", "Husum", "Caro Nord"),
)


class House(Server):
    """`verbund serve` in its network; the data folder is a disk of its own, which can be full or lost."""

    def __init__(self, folder: Path, number: int, **settings: str) -> None:
        plot = PLOTS[number]
        data = folder / plot.name
        super().__init__(
            data, HTTPS, name=plot.shown, url=f"https://{plot.domain}", tls_certificate="self", place=plot.town,
            contact=f"technik@{plot.domain}", **settings,
        )  # fmt: skip
        self.plot, self.number = plot, number
        self.address = f"https://{plot.domain}"
        self.ip = ground.build(plot.name, number)
        self.settings |= {"host": self.ip, "media_address": self.ip}
        self.network = plot.name
        self.new_disk()

    @property
    def authority(self) -> Path:
        """The certificate of its own authority."""
        return self.data / "tls" / "authority.pem"

    def new_disk(self) -> None:
        """Empty; the one of before is lost."""
        self.no_disk()
        self.data.mkdir(exist_ok=True)
        ground.run("mount", "-t", "tmpfs", "-o", f"size={DISK_MIB}m,mode=700", "none", str(self.data))

    def no_disk(self) -> None:
        if self.data.is_mount():
            ground.run("umount", "-l", str(self.data))

    def inside(self, *command: str) -> str:
        """A command of the system in its network."""
        return ground.run("ip", "netns", "exec", self.network, *command)

    def pids(self) -> list[int]:
        """The web process first, then its supervisor and Janus."""
        media = self.data / "meet"
        web = [self.pid] if self.pid_alive() else []
        return [*web, *supervisors_of(media), *janus_of(media)]

    def signal_all(self, number: int) -> None:
        """The whole tree at once."""
        for pid in self.pids():
            os.kill(pid, number)

    def kill(self) -> None:
        """As a power cut would: everything of it."""
        self.signal_all(signal.SIGKILL)
        if self._process is not None:
            self._process.wait(10)

    def stop(self) -> None:
        self.signal_all(signal.SIGCONT)
        super().stop()
        self.signal_all(signal.SIGKILL)
