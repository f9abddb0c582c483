"""What an installation may set for its video calls."""

from pathlib import Path

import msgspec

PORTS_DEFAULT = "42000-42999"


class MeetSettings(msgspec.Struct, frozen=True, kw_only=True):
    """`address`: where media arrives (empty: this machine's own address). `public_address`: what the world calls it,
    behind a router or in a cloud. `ports`: UDP, first and last. TURN helps those who cannot reach them."""

    folder: Path
    enabled: bool = True
    address: str = ""
    public_address: str = ""
    ports: str = PORTS_DEFAULT
    janus: str = "/usr/bin/janus"
    janus_modules: str = "/usr/lib/*/janus"
    turn: bool = False
    turn_program: str = "/usr/bin/turnserver"
    turn_port: int = 3478
    turn_relay_ports: str = "47000-47999"
