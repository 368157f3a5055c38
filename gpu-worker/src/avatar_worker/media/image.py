"""A portrait, from whatever came to exactly what the model takes."""

import io
import logging
import warnings
from pathlib import Path
from typing import Final

from PIL import Image, ImageCms, ImageFilter, ImageOps

from avatar_worker.errors import WorkerError
from avatar_worker.plan import Output, Size

log = logging.getLogger(__name__)

MAX_BYTES: Final = 20 * 1024 * 1024
MAX_PIXELS: Final = 50_000_000
MIN_SIDE: Final = 128
_FORMATS: Final = ("JPEG", "PNG", "WEBP")
#: Of a picture that is too high, this part of what is cut goes at the top: in portraits, heads are near it.
_CUT_ABOVE: Final = 0.1


def read_image(path: Path) -> Image.Image:
    """RGB in sRGB, upright, without alpha; the first frame only.

    Raises ``WorkerError`` ``image_too_large`` before anything is decoded, ``unsupported_image``.
    """
    if path.stat().st_size > MAX_BYTES:
        raise WorkerError("image_too_large", f"The image has more than {MAX_BYTES} bytes.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns of large images; they are refused below.
            with Image.open(path, formats=_FORMATS) as image:
                _check_size(image.size)
                image.load()
                return _to_srgb(ImageOps.exif_transpose(image))
    except WorkerError:
        raise
    except Image.DecompressionBombError:
        raise WorkerError("image_too_large", f"The image has more than {MAX_PIXELS} pixels.") from None
    except Exception as error:  # Decoders raise whatever they like for hostile files.
        log.info("an image cannot be decoded: %s", type(error).__name__)
        raise WorkerError("unsupported_image", "The image is damaged, or is no JPEG, PNG or WebP.") from None


def _check_size(size: Size) -> None:
    if size[0] * size[1] > MAX_PIXELS:
        raise WorkerError("image_too_large", f"The image has {size[0]} x {size[1]} pixels; {MAX_PIXELS} are taken.")
    if min(size) < MIN_SIDE:
        raise WorkerError("unsupported_image", f"The image has {size[0]} x {size[1]} pixels; a side has {MIN_SIDE}.")


def _to_srgb(image: Image.Image) -> Image.Image:
    profile = image.info.get("icc_profile")
    if image.mode == "P" or "transparency" in image.info:
        image = image.convert("RGBA")
    elif image.mode.startswith(("I", "F")):  # 16 bits of grey
        image = image.point(lambda value: value / 256).convert("L")
    if image.mode in ("RGBA", "LA", "PA"):
        image = image.convert("RGBA")
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image).convert("RGB")
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            target = ImageCms.createProfile("sRGB")
            converted = ImageCms.profileToProfile(image, source, target, outputMode="RGB")
            return converted if converted is not None else image.convert("RGB")
        except (ImageCms.PyCMSError, OSError):
            log.info("a colour profile is not usable")  # As browsers do, the colours are taken for sRGB.
    return image.convert("RGB")


def compose(image: Image.Image, fit: str, native: Size, output: Output) -> Image.Image:
    """The picture that the model starts from, of ``native`` size.

    The video is cut from the model's frames to the output's shape at the end, so the portrait is laid out within what
    stays visible. ``crop`` fills it; ``pad`` keeps all of the portrait, before a blurred copy of itself.
    """
    filled = ImageOps.fit(image, native, Image.Resampling.LANCZOS, centering=(0.5, _CUT_ABOVE))
    if fit == "crop":
        return filled
    scale = min(native[0] / output.width, native[1] / output.height)
    visible = (round(output.width * scale), round(output.height * scale))
    whole = ImageOps.contain(image, visible, Image.Resampling.LANCZOS)
    ground = filled.filter(ImageFilter.GaussianBlur(native[1] / 24))
    ground.paste(whole, ((native[0] - whole.width) // 2, (native[1] - whole.height) // 2))
    return ground
