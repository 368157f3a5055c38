import { aJpeg, aPng, aWav, exifSegment, jpegSegment, riffChunk } from "@avatar/api/testing/media";
import type { ErrorCode } from "@avatar/contract/errors";
import type { MediaKind } from "@avatar/contract/limits";

/** A WebP of the extended format around nothing. */
export function aWebp({ width = 512, height = 640 } = {}): Buffer {
  const canvas = Buffer.alloc(10);
  canvas.writeUIntLE(width - 1, 4, 3);
  canvas.writeUIntLE(height - 1, 7, 3);
  const body = Buffer.concat([Buffer.from("WEBP"), riffChunk("VP8X", canvas)]);
  return riffChunk("RIFF", body);
}

const cut = (file: Buffer, bytes = 20) => file.subarray(0, file.length - bytes);
const withByte = (file: Buffer, at: number, byte: number) => {
  const changed = Buffer.from(file);
  changed[at] = byte;
  return changed;
};

/** What the header of a file shows, each with the code that the API has for it. */
export const FAULTY_FILES: [what: string, kind: MediaKind, file: Buffer, code: ErrorCode][] = [
  ["an empty image", "image", Buffer.alloc(0), "empty_file"],
  ["a GIF", "image", Buffer.from("GIF89a".padEnd(64, "\0")), "unsupported_image"],
  ["noise for a recording", "audio", Buffer.alloc(64, 0x55), "unsupported_audio"],
  ["a recording for an image", "image", aWav(), "media_type_mismatch"],
  ["an image for a recording", "audio", aPng(), "media_type_mismatch"],
  ["a PNG without its end", "image", cut(aPng()), "image_truncated"],
  ["a JPEG without its end", "image", cut(aJpeg(), 2), "image_truncated"],
  ["a JPEG that ends in its header", "image", aJpeg().subarray(0, 12), "image_truncated"],
  ["a WebP without its end", "image", cut(aWebp(), 1), "image_truncated"],
  ["a PNG that begins with another chunk", "image", withByte(aPng(), 12, 0x58), "image_undecodable"],
  ["a PNG without pixels", "image", aPng({ width: 0 }), "image_undecodable"],
  ["a JPEG with a false marker", "image", withByte(aJpeg(), 3, 0x01), "image_undecodable"],
  ["a JPEG with two frames", "image", aJpeg({ segments: [aFrame()] }), "image_undecodable"],
  ["a small PNG", "image", aPng({ width: 127 }), "image_too_small"],
  ["a small JPEG", "image", aJpeg({ height: 127 }), "image_too_small"],
  ["a small WebP", "image", aWebp({ width: 127 }), "image_too_small"],
  ["a huge PNG", "image", aPng({ width: 50_000, height: 1001 }), "image_too_many_pixels"],
  ["a huge JPEG", "image", aJpeg({ width: 50_000, height: 1001 }), "image_too_many_pixels"],
  ["a WAV of half its length", "audio", aWav({ claimedDataBytes: 32_000 }), "audio_truncated"],
  ["a WAV without sound", "audio", aWav().subarray(0, 36), "audio_truncated"],
  ["a short WAV", "audio", aWav({ seconds: 0.4 }), "audio_too_short"],
  ["a long WAV", "audio", aWav({ seconds: 601, sampleRate: 1000, bits: 8 }), "audio_too_long"],
  ["a WAV of another codec", "audio", aWav({ codec: 2 }), "unsupported_audio"],
  ["a WAV without channels", "audio", aWav({ channels: 0 }), "audio_undecodable"],
];

function aFrame(): Buffer {
  return jpegSegment(0xc0, Buffer.from([8, 2, 128, 2, 0, 1, 1, 0x11, 0]));
}

/** Files that look odd and are good. */
export const GOOD_FILES: [what: string, kind: MediaKind, file: Buffer][] = [
  ["a PNG", "image", aPng()],
  ["the smallest PNG", "image", aPng({ width: 128, height: 128 })],
  ["a JPEG with a turned photo in it", "image", aJpeg({ segments: [exifSegment(6)] })],
  ["a JPEG before a film", "image", Buffer.concat([aJpeg(), Buffer.alloc(200_000)])],
  ["a PNG before what an editor left", "image", Buffer.concat([aPng(), Buffer.alloc(60_000)])],
  ["a WebP", "image", aWebp()],
  ["a WAV", "audio", aWav()],
  ["a WAV of unknown length", "audio", aWav({ claimedDataBytes: 0xffff_ffff })],
  ["a WAV that a recorder did not end", "audio", aWav({ claimedDataBytes: 0, claimedRiffBytes: 36 })],
  ["a WAV with chunks before its sound", "audio", aWav({ chunks: riffChunk("LIST", Buffer.alloc(5)) })],
];
