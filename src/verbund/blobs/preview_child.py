"""The program that makes one preview, run alone in the sandbox: picture on standard input, WebP on standard output.

Arguments: width in pixels, picture format, most pixels, bytes of memory, seconds of CPU, bytes of the result.
It imports nothing of Verbund, sets its limits first, and says by its exit code what was wrong.
"""

import resource
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import Image

TOO_LARGE = 10
BROKEN = 11
HEIGHT_PER_WIDTH_MAX = 2
QUALITY = 80
EFFORT = 4
OPEN_FILES_MAX = 64
_ORIENTATION = 0x0112
_TURNED = (5, 6, 7, 8)


def main(arguments: list[str]) -> int:
    width, pixels_max, memory, cpu_s, result = (int(arguments[i]) for i in (0, 2, 3, 4, 5))
    _limit(memory, cpu_s, result)
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = None
    try:
        with Image.open(sys.stdin.buffer, formats=(arguments[1],)) as picture:
            if picture.width * picture.height > pixels_max:
                return TOO_LARGE
            _shrink(picture, width).save(
                sys.stdout.buffer, "WEBP", quality=QUALITY, method=EFFORT, exif=b"", icc_profile=b"", xmp=b""
            )
            sys.stdout.buffer.flush()
    except MemoryError:
        return TOO_LARGE
    except Exception:  # noqa: BLE001  whatever a decoder raises on hostile bytes, it means one thing
        return BROKEN
    return 0


def _limit(memory: int, cpu_s: int, result: int) -> None:
    for name, value in (
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_FSIZE, result),
        (resource.RLIMIT_NOFILE, OPEN_FILES_MAX),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(name, (value, value))


def _shrink(picture: "Image.Image", width: int) -> "Image.Image":
    """The first frame, upright, at most `width` wide, in sRGB."""
    from PIL import ImageOps

    turned = picture.getexif().get(_ORIENTATION) in _TURNED
    box = (width, width * HEIGHT_PER_WIDTH_MAX)
    picture.draft(None, (box[1], box[1]))
    plain = _plain(picture)
    plain.thumbnail(box[::-1] if turned else box, reducing_gap=2.0)
    if orientation := picture.getexif().get(_ORIENTATION):
        plain.getexif()[_ORIENTATION] = orientation
    return ImageOps.exif_transpose(_in_srgb(plain, picture.info.get("icc_profile")))


def _plain(picture: "Image.Image") -> "Image.Image":
    """RGB or RGBA, whatever it was."""
    if picture.mode.startswith(("I", "F")):
        return picture.point(lambda value: value / 256).convert("L").convert("RGB")
    mode = "RGBA" if picture.has_transparency_data else "RGB"
    return picture if picture.mode == mode else picture.convert(mode)


def _in_srgb(picture: "Image.Image", profile: bytes | None) -> "Image.Image":
    if not profile:
        return picture
    from io import BytesIO

    from PIL import ImageCms

    try:
        source = ImageCms.ImageCmsProfile(BytesIO(profile))
        ImageCms.profileToProfile(picture, source, ImageCms.createProfile("sRGB"), inPlace=True)
    except ImageCms.PyCMSError:
        return picture
    return picture


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
