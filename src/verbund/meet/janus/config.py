"""The files that Janus reads: the smallest configuration that does what calls need, nothing else loaded."""

import shutil
from pathlib import Path

import msgspec

PLUGIN_FILE = "libjanus_videoroom.so"
TRANSPORT_FILE = "libjanus_websockets.so"
SOCKET = "api.sock"
SESSION_TIMEOUT_S = 90
RECLAIM_TIMEOUT_S = 60
EVENT_LOOPS = 2

_MAIN = """general: {{
  configs_folder = "etc"; plugins_folder = "plugins"; transports_folder = "transports";
  events_folder = "events"; loggers_folder = "loggers";
  debug_level = 3; debug_timestamps = true; debug_colors = false; hide_dependencies = true;
  interface = "{address}"; server_name = "verbund";
  api_secret = "{api_secret}"; admin_secret = "{admin_secret}";
  session_timeout = {session_timeout_s}; reclaim_session_timeout = {reclaim_timeout_s};
  event_loops = {event_loops};
}}
media: {{
  rtp_port_range = "{ports}"; slowlink_threshold = 4; no_media_timer = 2; twcc_period = 100; nack_optimizations = true;
}}
nat: {{
  ice_lite = {ice_lite}; ice_tcp = false; full_trickle = false; ignore_mdns = true;
  ice_enforce_list = "{address}"; {mapping}
}}
events: {{ broadcast = false; }}
"""
_TRANSPORT = """general: {{
  json = "compact"; ws = true; ws_unix = "{socket}"; wss = false; pingpong_trigger = 10; pingpong_timeout = 5;
}}
admin: {{ admin_ws = false; admin_wss = false; }}
"""
_PLUGIN = """general: {{ admin_key = "{admin_key}"; lock_rtp_forward = true; events = false; string_ids = true; }}
"""


class Secrets(msgspec.Struct, frozen=True):
    """Made anew for each life of Janus."""

    api_secret: str
    admin_secret: str
    admin_key: str


def modules(pattern: str) -> Path | None:
    """The folder with Janus's plugins and transports, by a pattern such as `/usr/lib/*/janus`."""
    root = Path("/")
    for found in sorted(root.glob(pattern.lstrip("/"))):
        if (found / "plugins" / PLUGIN_FILE).exists() and (found / "transports" / TRANSPORT_FILE).exists():
            return found
    return None


def write(folder: Path, installed: Path, address: str, public_address: str, ports: str, secrets: Secrets) -> None:
    """Everything that Janus reads, in `folder`, which only this user may enter. Paths in it are relative to it."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    for name in ("etc", "plugins", "transports", "events", "loggers"):
        shutil.rmtree(folder / name, ignore_errors=True)
        (folder / name).mkdir(mode=0o700)
    (folder / SOCKET).unlink(missing_ok=True)
    (folder / "plugins" / PLUGIN_FILE).symlink_to(installed / "plugins" / PLUGIN_FILE)
    (folder / "transports" / TRANSPORT_FILE).symlink_to(installed / "transports" / TRANSPORT_FILE)
    main = _MAIN.format(
        address=address, ports=ports, api_secret=secrets.api_secret, admin_secret=secrets.admin_secret,
        session_timeout_s=SESSION_TIMEOUT_S, reclaim_timeout_s=RECLAIM_TIMEOUT_S, event_loops=EVENT_LOOPS,
        ice_lite="false" if public_address else "true",
        mapping=f'nat_1_1_mapping = "{public_address}";' if public_address else "",
    )  # fmt: skip
    etc = folder / "etc"
    (etc / "janus.jcfg").write_text(main)
    (etc / "janus.transport.websockets.jcfg").write_text(_TRANSPORT.format(socket=SOCKET))
    (etc / "janus.plugin.videoroom.jcfg").write_text(_PLUGIN.format(admin_key=secrets.admin_key))
