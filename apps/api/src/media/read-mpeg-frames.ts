import { type AudioLength, assertDense, LOSSY, tooLong, undecodable } from "./audio-length.ts";
import { type ByteWindow, EndOfFile } from "./byte-source.ts";
import { type FrameHeader, parseAdtsHeader, parseMp3Header } from "./mpeg-frame-header.ts";

/** Between and behind the frames: padding, tags of unknown kind, a few lost bytes. */
const MAX_OTHER_BYTES = 16 * 1024;
/** At both ends of a file, and one in each second: streams for the web have a tag in each segment. */
const MAX_TAGS = 16;
const MAX_TAGS_PER_SECOND = 2;

/** Behind the sound: a cover image. */
const MAX_TAG_BYTES = 32 * 1024 * 1024;

type Parse = (head: Buffer) => FrameHeader | undefined;

const PARSERS = { mp3: parseMp3Header, aac: parseAdtsHeader } satisfies Record<string, Parse>;
/** 320 kbit/s; and the longest frames at the highest sampling rate. */
const MAX_BYTES_PER_SECOND = { mp3: 40_000, aac: (8192 * 96_000) / 1024 };

/**
 * Counts every frame, so that neither a variable bit rate nor a false header matters. That is a pass over the
 * file, but a short one: ten minutes of MP3 have 24 MB at the most.
 */
export async function readMp3(window: ByteWindow, maxSeconds: number): Promise<AudioLength> {
  const { first, firstAt, frames } = await countFrames(window, "mp3", maxSeconds);
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
  const { first, samples } = await countFrames(window, "aac", maxSeconds);
  return { seconds: samples / first.sampleRate };
}

async function countFrames(window: ByteWindow, format: keyof typeof PARSERS, maxSeconds: number) {
  const parse = PARSERS[format];
  const upTo8 = (at: number) => Math.min(8, window.size - at);
  let at = await skipId3(window, 0);
  if (at >= window.size) throw new EndOfFile();
  let first: FrameHeader | undefined;
  let firstAt = at;
  let [frames, samples, soundBytes, otherBytes, tags] = [0, 0, 0, 0, 0];
  let isInSync = false;
  const seconds = () => (first ? samples / first.sampleRate : 0);
  while (at < window.size) {
    const head = window.held(at, upTo8(at)) ?? (await window.bytes(at, upTo8(at)));
    const frame = parse(head);
    const isOurs = frame && (!first || frame.stream === first.stream);
    // After other bytes a few of them may look like a header; the frame behind it must agree.
    if (isOurs && (isInSync || (await isFollowed(window, at, frame, parse)))) {
      if (at + frame.bytes > window.size) break; // the last frame is cut
      if (!first) {
        firstAt = at;
        const longest = maxSeconds * MAX_BYTES_PER_SECOND[format] + MAX_TAG_BYTES;
        if (window.size - at > longest) throw tooLong(maxSeconds);
      }
      first ??= frame;
      frames += 1;
      samples += frame.samples;
      soundBytes += frame.bytes;
      isInSync = true;
      at += frame.bytes;
      if (seconds() > maxSeconds + 1) break;
      assertDense(soundBytes, seconds(), LOSSY);
    } else {
      const tagEnd = mayBeTag(head) ? await skipTag(window, at) : at;
      if (tagEnd > at) tags += 1;
      else otherBytes += 1;
      isInSync = false;
      at = Math.max(tagEnd, at + 1);
      if (otherBytes > MAX_OTHER_BYTES) throw undecodable("The file holds bytes that are not sound.");
      if (tags > MAX_TAGS + MAX_TAGS_PER_SECOND * seconds()) throw undecodable("The file has too many tags.");
    }
  }
  if (!first) throw undecodable("The file has no frame of sound.");
  return { first, firstAt, frames, samples };
}

/** Asks for the frame and the header after it in one piece, so that the window never has to go back. */
async function isFollowed(
  window: ByteWindow,
  at: number,
  frame: FrameHeader,
  parse: Parse,
): Promise<boolean> {
  const length = Math.min(frame.bytes + 8, window.size - at);
  const bytes = window.held(at, length) ?? (await window.bytes(at, length));
  return parse(bytes.subarray(frame.bytes))?.stream === frame.stream;
}

const mayBeTag = (head: Buffer) => head[0] === 0x49 || head[0] === 0x41; // I of ID3, A of APETAGEX

/** Where the bytes after an ID3v2 tag start. Its cover image is not read. */
async function skipId3(window: ByteWindow, at: number): Promise<number> {
  if (at + 10 > window.size) return at;
  const head = window.held(at, 10) ?? (await window.bytes(at, 10));
  if (head.toString("latin1", 0, 3) !== "ID3") return at;
  const bytes = head.subarray(6).reduce((sum, byte) => sum * 128 + (byte & 0x7f), 0);
  const footerBytes = head.readUInt8(5) & 0x10 ? 10 : 0;
  return at + 10 + bytes + footerBytes;
}

/** An APE tag may hold a large image too, and says its length; other tags are short. */
async function skipTag(window: ByteWindow, at: number): Promise<number> {
  if (at + 32 > window.size) return at;
  const head = window.held(at, 32) ?? (await window.bytes(at, 32));
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
