import { type AudioLength, undecodable } from "./audio-length.ts";
import { type ByteWindow, EndOfFile } from "./byte-source.ts";
import { type FrameHeader, parseAdtsHeader, parseMp3Header } from "./mpeg-frame-header.ts";

/** Between and behind the frames: padding, tags of unknown kind, a few lost bytes. */
const MAX_OTHER_BYTES = 16 * 1024;

type Parse = (head: Buffer) => FrameHeader | undefined;

/**
 * Counts every frame, so that neither a variable bit rate nor a false header matters. That is a pass over the
 * file, but a short one: ten minutes of MP3 have 24 MB at the most.
 */
export async function readMp3(window: ByteWindow, maxSeconds: number): Promise<AudioLength> {
  const { first, firstAt, frames } = await countFrames(window, parseMp3Header, maxSeconds);
  const tag = await readEncoderTag(window, first, firstAt);
  if (!tag) return { seconds: (frames * first.samples) / first.sampleRate };
  // The frame with the tag is silent, and decoders drop what the encoder added at both ends.
  const secondsOf = (count: number) =>
    Math.max(0, count * first.samples - tag.addedSamples) / first.sampleRate;
  // One less than it claims, because some encoders count the frame with the tag too.
  return { seconds: secondsOf(frames - 1), claimedSeconds: tag.frames && secondsOf(tag.frames - 1) };
}

/** AAC in ADTS frames. It has no header that could say how long it is. */
export async function readAac(window: ByteWindow, maxSeconds: number): Promise<AudioLength> {
  const { first, samples } = await countFrames(window, parseAdtsHeader, maxSeconds);
  return { seconds: samples / first.sampleRate };
}

async function countFrames(window: ByteWindow, parse: Parse, maxSeconds: number) {
  const peek = async (at: number) =>
    at < window.size ? parse(await window.bytes(at, Math.min(8, window.size - at))) : undefined;
  let at = await skipId3(window, 0);
  if (at >= window.size) throw new EndOfFile();
  let first: FrameHeader | undefined;
  let firstAt = at;
  let frames = 0;
  let samples = 0;
  let otherBytes = 0;
  let isInSync = false;
  while (at < window.size) {
    const frame = await peek(at);
    const isOurs = frame && (!first || frame.stream === first.stream);
    // After other bytes a few of them may look like a header; the frame behind it must agree.
    if (isOurs && (isInSync || (await peek(at + frame.bytes))?.stream === frame.stream)) {
      if (at + frame.bytes > window.size) break; // the last frame is cut
      if (!first) firstAt = at;
      first ??= frame;
      frames += 1;
      samples += frame.samples;
      isInSync = true;
      at += frame.bytes;
      if (samples / first.sampleRate > maxSeconds + 1) break;
    } else {
      const tagEnd = await skipTag(window, at);
      otherBytes += tagEnd > at ? 0 : 1;
      isInSync = false;
      at = Math.max(tagEnd, at + 1);
      if (otherBytes > MAX_OTHER_BYTES) throw undecodable("The file holds bytes that are not sound.");
    }
  }
  if (!first) throw undecodable("The file has no frame of sound.");
  return { first, firstAt, frames, samples };
}

/** Where the bytes after an ID3v2 tag start. Its cover image is not read. */
async function skipId3(window: ByteWindow, at: number): Promise<number> {
  if (at + 10 > window.size) return at;
  const head = await window.bytes(at, 10);
  if (head.toString("latin1", 0, 3) !== "ID3") return at;
  const bytes = head.subarray(6).reduce((sum, byte) => sum * 128 + (byte & 0x7f), 0);
  const footerBytes = head.readUInt8(5) & 0x10 ? 10 : 0;
  return at + 10 + bytes + footerBytes;
}

/** An APE tag may hold a large image too, and says its length; other tags are short. */
async function skipTag(window: ByteWindow, at: number): Promise<number> {
  if (at + 32 > window.size) return at;
  const head = await window.bytes(at, 32);
  if (head.toString("latin1", 0, 8) !== "APETAGEX") return skipId3(window, at);
  return at + 32 + head.readUInt32LE(12);
}

/** The Xing or Info tag in the first frame: frames that follow it, and samples added at the start and the end. */
async function readEncoderTag(window: ByteWindow, first: FrameHeader, firstAt: number) {
  if (first.bytes < first.tagAt + 12) return undefined;
  const tag = await window.bytes(firstAt + first.tagAt, first.bytes - first.tagAt);
  if (!/^(Xing|Info)$/.test(tag.toString("latin1", 0, 4))) return undefined;
  const frames = tag.readUInt8(7) & 1 ? tag.readUInt32BE(8) : undefined;
  const hasDelays = tag.length >= 144 && /^(LAME|Lav[cf])$/.test(tag.toString("latin1", 120, 124));
  const delays = hasDelays ? tag.readUIntBE(141, 3) : 0;
  return { frames, addedSamples: (delays >> 12) + (delays & 0xfff) };
}
