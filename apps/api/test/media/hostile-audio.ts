import type { MediaType } from "@avatar/contract/limits";
import {
  adtsFrame,
  flacFrame,
  flacInfo,
  longMp3Frame,
  m4aBox,
  m4aFragment,
  m4aOf,
  oggPage,
  opusHeaders,
} from "./long-audio.ts";
import { ascii, aWav, id3Tag, riffChunk, sample, uint } from "./media-files.ts";

/** `make` builds it anew, because some have 100 MB. */
export type HostileFile = [name: string, declared: MediaType, make: () => Buffer];

const BYTES = 100_000_000;
/** An MP3 of more would be refused for its size alone. */
const MP3_BYTES = 50_000_000;
const HOURS_18 = 18 * 3600;

const filled = (piece: Buffer, bytes = BYTES) =>
  Buffer.alloc(Math.floor(bytes / piece.length) * piece.length, piece);
const filledAfter = (start: Buffer, piece: Buffer, bytes = BYTES) =>
  Buffer.concat([start, filled(piece, bytes)]);

const patched = (name: string, at: (file: Buffer) => number, bytes: Buffer) => {
  const file = sample(name);
  file.set(bytes, at(file));
  return file;
};

const position = (hours: number) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(hours * 3600 * 48_000));
  return bytes;
};

const mp3 = sample("tone-cbr.mp3").subarray(20);
const fragmentedHead = () => {
  const file = sample("tone-fragmented.m4a");
  return file.subarray(0, file.indexOf("moof") - 4);
};
const richMp3Frame = Buffer.concat([Buffer.from("fffbe400", "hex"), Buffer.alloc(956)]);
/** Fields of an APE tag that says that nothing follows. */
const apeTag = Buffer.concat([ascii("APETAGEX"), Buffer.alloc(24)]);

const SPECIAL: HostileFile[] = [
  ["GIF header before a WAV", "audio/wav", () => Buffer.concat([ascii("GIF89a"), aWav()])],
  [
    "WAV with HTML for a format",
    "audio/wav",
    () => Buffer.concat([ascii("RIFF\0\0\0\0WAVE<script>alert(1)</script>")]),
  ],
  ["MP4 named WAV", "audio/wav", () => sample("tone.m4a")],
  ["PDF named MP3", "audio/mpeg", () => Buffer.concat([ascii("%PDF-1.7\n"), mp3])],
  [
    "MP3 with a ZIP behind it",
    "audio/mpeg",
    () => Buffer.concat([mp3, ascii("PK\x03\x04"), Buffer.alloc(20_000)]),
  ],
  [
    "WAV of 1 KB that claims 18 h",
    "audio/wav",
    () => aWav({ seconds: 0.06, claimedDataBytes: 16_000 * HOURS_18 }),
  ],
  [
    "MP3 whose Xing tag claims 18 h",
    "audio/mpeg",
    () =>
      patched(
        "tone-xing.mp3",
        (file) => Math.max(file.indexOf("Xing"), file.indexOf("Info")) + 8,
        uint(2e6, 4, "BE"),
      ),
  ],
  [
    "FLAC whose total claims 18 h",
    "audio/flac",
    () => patched("tone.flac", () => 22, uint(8000 * HOURS_18, 4, "BE")),
  ],
  [
    "FLAC whose last frame claims 18 h",
    "audio/flac",
    () => Buffer.concat([flacInfo(), flacFrame(0), flacFrame(60_000)]),
  ],
  [
    "Opus whose last position claims 18 h",
    "audio/ogg",
    () => patched("tone-opus.ogg", (file) => file.lastIndexOf("OggS") + 6, position(18)),
  ],
  [
    "Vorbis whose last position claims 18 h",
    "audio/ogg",
    () => patched("tone-vorbis.ogg", (file) => file.lastIndexOf("OggS") + 6, position(18)),
  ],
  ["M4A whose mdhd claims 18 h", "audio/mp4", () => m4aOf({ samples: 10, claimedTime: 16_000 * HOURS_18 })],
  [
    "M4A whose stts claims 18 h",
    "audio/mp4",
    () => m4aOf({ samples: 10, sampleTime: 16_000 * HOURS_18 * 0.1 }),
  ],
  ["M4A whose stsz claims 18 h", "audio/mp4", () => m4aOf({ samples: 1_000_000, heldBytes: 100 })],
];

const TEN_HOURS: HostileFile[] = [
  ["WAV of 10 h", "audio/wav", () => aWav({ seconds: 36_000, sampleRate: 1000, bits: 8 })],
  ["MP3 of 10 h", "audio/mpeg", () => filled(longMp3Frame, 36_000_000)],
  ["AAC of 10 h", "audio/aac", () => filled(adtsFrame(8, 8), 562_500 * 8)],
  ["M4A of 10 h", "audio/mp4", () => m4aOf({ samples: 562_500 })],
  // 255 packets of 60 ms in a page.
  [
    "Opus of 10 h",
    "audio/ogg",
    () => Buffer.concat([opusHeaders, ...Array(2353).fill(oggPage(255, [0x18]))]),
  ],
  [
    "FLAC of 10 h",
    "audio/flac",
    () => Buffer.concat([flacInfo(), ...Array.from({ length: 65_536 }, (_, index) => flacFrame(index))]),
  ],
];

const LARGE: HostileFile[] = [
  ["MP3 of 50 MB of empty ID3 tags", "audio/mpeg", () => filledAfter(mp3, id3Tag(0), MP3_BYTES)],
  ["MP3 of 50 MB of empty APE tags", "audio/mpeg", () => filledAfter(mp3, apeTag, MP3_BYTES)],
  ["MP3 of 50 MB of ID3 tags of 0.2 MB", "audio/mpeg", () => filledAfter(mp3, id3Tag(200_000), MP3_BYTES)],
  [
    "MP3 of 50 MB of broken frames",
    "audio/mpeg",
    () => filledAfter(mp3, Buffer.from("fffbe0c0", "hex"), MP3_BYTES),
  ],
  ["MP3 of 50 MB at 320 kbit/s", "audio/mpeg", () => filled(richMp3Frame, MP3_BYTES)],
  ["MP3 of 100 MB at 320 kbit/s", "audio/mpeg", () => filled(richMp3Frame)],
  ["AAC of 100 MB in frames of 8 bytes", "audio/aac", () => filled(adtsFrame(8, 0))],
  ["AAC of 100 MB in frames of 8 KB", "audio/aac", () => filled(adtsFrame(8191, 0))],
  [
    "AAC of 100 MB of broken frames",
    "audio/aac",
    () => filledAfter(sample("tone.aac"), adtsFrame(4001, 4).subarray(0, 7)),
  ],
  ["Ogg of 100 MB of empty pages", "audio/ogg", () => filledAfter(opusHeaders, oggPage(0, []))],
  ["Ogg of 100 MB of lost packets", "audio/ogg", () => filledAfter(opusHeaders, oggPage(255, []))],
  [
    "Ogg of 100 MB of packets without frames",
    "audio/ogg",
    () => filledAfter(opusHeaders, oggPage(255, [3, 0])),
  ],
  ["Ogg of 100 MB in packets of 2.5 ms", "audio/ogg", () => filledAfter(opusHeaders, oggPage(255, [0x80]))],
  [
    "Ogg of 100 MB in one packet",
    "audio/ogg",
    () => filledAfter(opusHeaders, oggPage(255, Array(255).fill(0))),
  ],
  [
    "Ogg of 100 MB in packets of 60 ms",
    "audio/ogg",
    () => filledAfter(opusHeaders, oggPage(255, [0x18, ...Array(254).fill(0)])),
  ],
  [
    "Ogg of 100 MB of an unknown stream",
    "audio/ogg",
    () => filledAfter(opusHeaders, oggPage(255, Array(255).fill(0), { serial: 7 })),
  ],
  [
    "Ogg of 100 MB of first pages",
    "audio/ogg",
    () => filledAfter(opusHeaders, oggPage(1, [0], { isFirst: true })),
  ],
  ["M4A of 100 MB of empty boxes", "audio/mp4", () => filledAfter(sample("tone.m4a"), m4aBox("free"))],
  [
    "M4A of 100 MB of boxes of 0.2 MB",
    "audio/mp4",
    () => filledAfter(sample("tone.m4a"), m4aBox("free", Buffer.alloc(200_000))),
  ],
  ["M4A of 100 MB of empty fragments", "audio/mp4", () => filledAfter(fragmentedHead(), m4aFragment(0))],
  [
    "M4A of 100 MB of fragments of 4 MB",
    "audio/mp4",
    () => filledAfter(fragmentedHead(), m4aFragment(1_000_000)),
  ],
  [
    "M4A of 100 MB of fragments of 20 ms",
    "audio/mp4",
    () =>
      filledAfter(
        fragmentedHead(),
        Buffer.concat([m4aFragment(1, 320), m4aBox("mdat", Buffer.alloc(100_000))]),
      ),
  ],
  [
    "M4A of 100 MB of tracks of pictures",
    "audio/mp4",
    () =>
      Buffer.concat([
        m4aBox("ftyp", ascii("M4A \0\0\0\0")),
        m4aBox("moov", filled(m4aBox("trak", m4aBox("mdia", m4aBox("hdlr", Buffer.alloc(4_000_000)))))),
      ]),
  ],
  [
    "FLAC of 100 MB of false frames",
    "audio/flac",
    () => filledAfter(flacInfo(), Buffer.from("fff8c000", "hex")),
  ],
  [
    "FLAC of 100 MB of metadata",
    "audio/flac",
    () =>
      filledAfter(
        sample("tone.flac").fill(0, 4, 5).subarray(0, 42),
        Buffer.concat([uint(0x0100_0000, 4, "BE"), Buffer.alloc(0)]),
      ),
  ],
  [
    "FLAC of 100 MB of metadata of 0.2 MB",
    "audio/flac",
    () =>
      filledAfter(
        sample("tone.flac").fill(0, 4, 5).subarray(0, 42),
        Buffer.concat([uint(0x0100_0000 + 200_000, 4, "BE"), Buffer.alloc(200_000)]),
      ),
  ],
  [
    "WAV of 100 MB of empty chunks",
    "audio/wav",
    () => filledAfter(aWav().subarray(0, 36), riffChunk("junk", Buffer.alloc(0))),
  ],
  [
    "WAV of 100 MB of chunks of 0.2 MB",
    "audio/wav",
    () => filledAfter(aWav().subarray(0, 36), riffChunk("junk", Buffer.alloc(200_000))),
  ],
];

/** Each of them must be refused. */
export const HOSTILE_AUDIO: HostileFile[] = [...SPECIAL, ...TEN_HOURS, ...LARGE];
