"""Portraits, good and hostile."""

import struct
import zlib
from pathlib import Path

import pytest
from media_files import an_image
from PIL import Image

from avatar_worker.errors import WorkerError
from avatar_worker.media.image import compose, read_image
from avatar_worker.plan import OUTPUT_SIZES, make_output


def png_header(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunk = b"IHDR" + header
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", len(header)) + chunk + struct.pack(">I", zlib.crc32(chunk))
    return start + struct.pack(">I", 1000) + b"IDAT" + zlib.compress(bytes(100_000))


def test_a_photo_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    image = read_image(an_image(tmp_path / "a.jpg", (800, 640), exif=exif))
    assert image.size == (640, 800)
    left, right = image.getpixel((20, 400)), image.getpixel((620, 400))
    assert isinstance(left, tuple) and isinstance(right, tuple)
    assert right[0] > 150 > left[0]  # The red half, once above, is on the right.


def test_what_is_transparent_becomes_white(tmp_path: Path) -> None:
    Image.new("RGBA", (200, 200), (0, 0, 0, 0)).save(tmp_path / "a.png")
    assert read_image(tmp_path / "a.png").getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize("mode", ["L", "LA", "P", "1", "I;16", "RGBA", "CMYK"])
def test_every_kind_of_pixel_becomes_rgb(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    image = Image.new("RGB", (200, 200), (200, 200, 200))
    image = Image.new("I;16", (200, 200), 51_400) if mode == "I;16" else image.convert(mode)
    image.save(path)
    read = read_image(path)
    assert read.mode == "RGB"
    assert mode == "1" or all(abs(value - 200) < 8 for value in read.getpixel((9, 9)))  # type: ignore[union-attr]


def test_an_animation_gives_its_first_frame(tmp_path: Path) -> None:
    red, blue = Image.new("RGB", (200, 200), "red"), Image.new("RGB", (200, 200), "blue")
    red.save(tmp_path / "a.webp", save_all=True, append_images=[blue], lossless=True)
    assert read_image(tmp_path / "a.webp").getpixel((9, 9)) == (255, 0, 0)


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "unsupported_image"),
        (b"hello", "unsupported_image"),
        (b"GIF89a" + bytes(50), "unsupported_image"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "unsupported_image"),
        (png_header(50_000, 50_000), "image_too_large"),
        (png_header(60_000, 1), "unsupported_image"),
        (png_header(10_000, 10_000), "image_too_large"),
        (png_header(500, 500), "unsupported_image"),
        (bytes(20 * 1024 * 1024 + 1), "image_too_large"),
    ],
    ids=["empty", "text", "gif", "eps", "50k", "flat", "100 megapixels", "without pixels", "a byte too many"],
)
def test_a_hostile_image_is_refused(tmp_path: Path, content: bytes, code: str) -> None:
    (tmp_path / "a").write_bytes(content)
    with pytest.raises(WorkerError) as error:
        read_image(tmp_path / "a")
    assert error.value.code == code
    assert str(tmp_path) not in error.value.detail


def test_an_image_of_one_pixel_is_refused(tmp_path: Path) -> None:
    Image.new("RGB", (1, 1)).save(tmp_path / "a.png")
    with pytest.raises(WorkerError) as error:
        read_image(tmp_path / "a.png")
    assert error.value.code == "unsupported_image"


@pytest.mark.parametrize("name", ["a.jpg", "a.png", "a.webp"])
def test_a_cut_image_is_refused(tmp_path: Path, name: str) -> None:
    path = an_image(tmp_path / name)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(WorkerError) as error:
        read_image(path)
    assert error.value.code == "unsupported_image"


@pytest.mark.parametrize("aspect", list(OUTPUT_SIZES))
@pytest.mark.parametrize("fit", ["crop", "pad"])
def test_the_picture_has_the_size_that_the_model_takes(aspect: str, fit: str) -> None:
    image = Image.new("RGB", (640, 800), (10, 200, 10))
    assert compose(image, fit, (896, 448), make_output(aspect, 1)).size == (896, 448)


def test_crop_keeps_the_upper_part_of_a_high_portrait() -> None:
    image = Image.new("RGB", (600, 1000), (0, 0, 0))
    image.paste((255, 255, 255), (0, 90, 600, 300))  # Where the face of a portrait is.
    cropped = compose(image, "crop", (896, 448), make_output("16:9", 1))
    column = [cropped.getpixel((448, y))[0] for y in range(448)]  # type: ignore[index]
    assert sum(value > 200 for value in column) >= 0.98 * 210 * 896 / 600


def test_pad_keeps_all_of_the_portrait_within_what_stays_visible() -> None:
    image = Image.new("RGB", (600, 600), (0, 0, 0))
    for edge in range(600):
        for at in ((edge, 0), (edge, 599), (0, edge), (599, edge)):
            image.putpixel(at, (255, 255, 255))
    padded = compose(image, "pad", (1280, 704), make_output("16:9", 1))
    column = [padded.getpixel((640, y))[0] for y in range(704)]  # type: ignore[index]
    bright = [y for y, value in enumerate(column) if value > 120]
    assert bright[0] <= 4 and bright[-1] >= 699
