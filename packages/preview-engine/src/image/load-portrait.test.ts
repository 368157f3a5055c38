import { crc32, deflateSync } from "node:zlib";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { expectError } from "../../test/support/expect-error.ts";
import { aFile } from "../../test/support/fixtures.ts";
import { loadPortrait } from "./load-portrait.ts";

/** Left half red, right half blue, 300x200. */
function halves() {
  const data = Buffer.alloc(300 * 200 * 3);
  for (let i = 0; i < 300 * 200; i++) data[3 * i + (i % 300 < 150 ? 0 : 2)] = 255;
  return sharp(data, { raw: { width: 300, height: 200, channels: 3 } });
}

async function pixelAt(bytes: Buffer, x: number, y: number): Promise<number[]> {
  const { width, data } = await loadPortrait(aFile("image", bytes));
  return [...data.subarray((y * width + x) * 3, (y * width + x) * 3 + 3)];
}

function aPngHeader(width: number, height: number): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([8, 2, 0, 0, 0], 8);
  const chunk = (type: string, body: Buffer) => {
    const named = Buffer.concat([Buffer.from(type, "latin1"), body]);
    const frame = Buffer.alloc(8);
    frame.writeUInt32BE(body.length, 0);
    frame.writeUInt32BE(crc32(named), 4);
    return Buffer.concat([frame.subarray(0, 4), named, frame.subarray(4)]);
  };
  const rows = deflateSync(Buffer.alloc(1000));
  return Buffer.concat([
    Buffer.from("\x89PNG\r\n\x1a\n", "latin1"),
    chunk("IHDR", header),
    chunk("IDAT", rows),
    chunk("IEND", Buffer.alloc(0)),
  ]);
}

describe("portraits are decoded to upright 8-bit RGB", () => {
  test("EXIF rotation is applied", async () => {
    const turned = await halves().withMetadata({ orientation: 6 }).jpeg({ quality: 100 }).toBuffer();
    const { width, height } = await loadPortrait(aFile("turned.jpg", turned));
    expect([width, height]).toEqual([200, 300]);
    const [red = 0, , blue = 0] = await pixelAt(turned, 100, 20);
    expect(red).toBeGreaterThan(blue + 150);
  });

  test("alpha is laid on white", async () => {
    const clear = await sharp({
      create: { width: 200, height: 200, channels: 4, background: { r: 0, g: 0, b: 0, alpha: 0 } },
    })
      .png()
      .toBuffer();
    expect(await pixelAt(clear, 5, 5)).toEqual([255, 255, 255]);
  });

  test.each([
    ["WebP", () => halves().webp({ lossless: true }).toBuffer()],
    ["16-bit PNG", () => halves().toColourspace("rgb16").png().toBuffer()],
    ["CMYK JPEG", () => halves().toColourspace("cmyk").jpeg({ quality: 100 }).toBuffer()],
    ["palette PNG", () => halves().png({ palette: true }).toBuffer()],
  ])("%s", async (_name, encode) => {
    const [red = 0, green = 0, blue = 0] = await pixelAt(await encode(), 20, 100);
    expect(red).toBeGreaterThan(180);
    expect(Math.max(green, blue)).toBeLessThan(90);
  });

  test.each([
    ["grey PNG", () => halves().greyscale().png().toBuffer()],
    ["16-bit grey PNG", () => halves().toColourspace("grey16").png().toBuffer()],
    ["grey JPEG", () => halves().greyscale().jpeg().toBuffer()],
  ])("%s", async (_name, encode) => {
    const [red = 0, green = 0, blue = 0] = await pixelAt(await encode(), 20, 100);
    expect(Math.max(red, green, blue) - Math.min(red, green, blue)).toBeLessThan(3);
    expect(red).toBeGreaterThan(20);
  });

  test("a very large photo is shrunk", async () => {
    const large = await sharp({ create: { width: 6000, height: 3000, channels: 3, background: "grey" } })
      .jpeg()
      .toBuffer();
    const { width, height } = await loadPortrait(aFile("large.jpg", large));
    expect([width, height]).toEqual([3840, 1920]);
  });
});

describe("what is no portrait is refused by name", () => {
  test("an empty file is empty_image", async () => {
    await expectError(loadPortrait(aFile("a.png", "")), "empty_image");
  });

  test("a missing file is image_undecodable", async () => {
    await expectError(loadPortrait("/nowhere/portrait.png"), "image_undecodable");
  });

  test.each([
    ["GIF", "GIF89a"],
    ["SVG", '<svg xmlns="http://www.w3.org/2000/svg" width="300" height="300"/>'],
    ["text", "hello"],
  ])("%s is unsupported_image", async (_name, text) => {
    await expectError(loadPortrait(aFile("a.png", text)), "unsupported_image");
  });

  test("a pixel bomb is image_too_large, told by its header alone", async () => {
    await expectError(loadPortrait(aFile("bomb.png", aPngHeader(50_000, 50_000))), "image_too_large");
  });

  test("a file of more than 64 MB is image_too_large", async () => {
    await expectError(loadPortrait(aFile("a.png", Buffer.alloc(64 * 1024 * 1024 + 1))), "image_too_large");
  });

  test("a thumbnail is image_too_small", async () => {
    const small = await halves().resize(100, 100).png().toBuffer();
    await expectError(loadPortrait(aFile("small.png", small)), "image_too_small");
  });

  test.each([
    ["PNG", () => halves().png().toBuffer()],
    ["JPEG", () => halves().jpeg().toBuffer()],
    ["WebP", () => halves().webp({ lossless: true, nearLossless: false }).toBuffer()],
  ])("half a %s is image_truncated", async (_name, encode) => {
    const bytes = await encode();
    await expectError(loadPortrait(aFile("half", bytes.subarray(0, bytes.length * 0.6))), "image_truncated");
  });

  test("a PNG whose pixels are damaged is image_undecodable", async () => {
    const bytes = aPngHeader(300, 300);
    await expectError(loadPortrait(aFile("damaged.png", bytes)), "image_undecodable");
  });
});
