import { ascii, sample, uint } from "./media-files.ts";

/** 72 ms of MPEG 2.5 at 8 kbit/s: the slowest MP3 that there is. */
export const longMp3Frame = Buffer.concat([Buffer.from("ffe318c0", "hex"), Buffer.alloc(68)]);

/** An AAC frame of any length, without sound in it. */
export function adtsFrame(bytes: number, rateIndex: number): Buffer {
  const lengths = [0x40 | (bytes >> 11), (bytes >> 3) & 0xff, ((bytes & 7) << 5) | 0x1f];
  return Buffer.concat([
    Buffer.from([0xff, 0xf1, 0x40 | (rateIndex << 2), ...lengths, 0xfc]),
    Buffer.alloc(bytes - 7),
  ]);
}

const opus = sample("tone-opus.ogg");

/** The pages in front of the sound. */
export const opusHeaders = opus.subarray(0, opus.indexOf("OggS", opus.indexOf("OpusTags")));

/** A page with so many times the same packet; as many as its 255 segments can say. */
export function oggPage(
  packets: number,
  packet: number[],
  { serial = opus.readUInt32LE(14), isFirst = false } = {},
) {
  const lengths = Buffer.alloc(packets, packet.length);
  return Buffer.concat([
    ascii("OggS\0"),
    Buffer.from([isFirst ? 2 : 0]),
    Buffer.alloc(8, 0xff), // No packet ends here, it says.
    uint(serial, 4),
    Buffer.alloc(8),
    Buffer.from([packets]),
    lengths,
    Buffer.alloc(packets * packet.length, Buffer.from(packet)),
  ]);
}

export function m4aBox(type: string, ...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([uint(8 + body.length, 4, "BE"), ascii(type), body]);
}

const u32 = (...values: number[]) => Buffer.concat(values.map((value) => uint(value, 4, "BE")));

interface M4a {
  samples: number;
  /** Of 16,000 ticks per second. */
  sampleTime?: number;
  claimedTime?: number;
  heldBytes?: number;
}

/** One track of AAC in samples of eight bytes. */
export function m4aOf({ samples, sampleTime = 1024, claimedTime, heldBytes = samples * 8 }: M4a): Buffer {
  const tables = m4aBox(
    "stbl",
    m4aBox("stsd", u32(0, 1), m4aBox("mp4a", Buffer.alloc(28))),
    m4aBox("stts", u32(0, 1, samples, sampleTime)),
    m4aBox("stsz", u32(0, 8, samples)),
  );
  const clock = m4aBox("mdhd", u32(0, 0, 0, 16_000, claimedTime ?? samples * sampleTime, 0));
  const handler = m4aBox("hdlr", u32(0, 0), ascii("soun"), Buffer.alloc(13));
  const header = m4aBox("tkhd", u32(0, 0, 0, 1), Buffer.alloc(68));
  const track = m4aBox("trak", header, m4aBox("mdia", clock, handler, m4aBox("minf", tables)));
  return Buffer.concat([
    m4aBox("ftyp", ascii("M4A \0\0\0\0")),
    m4aBox("moov", track),
    m4aBox("mdat", Buffer.alloc(heldBytes)),
  ]);
}

/** A fragment that lists samples of no bytes. */
export function m4aFragment(samples: number, sampleTime = 0): Buffer {
  const run = m4aBox("trun", u32(0x200, samples), Buffer.alloc(4 * samples));
  return m4aBox("moof", m4aBox("traf", m4aBox("tfhd", u32(0x8, 1, sampleTime)), run));
}

/** 8 kHz, 16 bit, mono, in blocks of 4096 samples, their number unknown. */
export function flacInfo(): Buffer {
  const info = Buffer.concat([Buffer.from("10001000000000000000" + "01f400f0", "hex"), Buffer.alloc(20)]);
  return Buffer.concat([ascii("fLaC\x80\0\0\x22"), info]);
}

/** The header of a block, and a few bytes for its sound. */
export function flacFrame(number: number): Buffer {
  const digits = [0xe0 | (number >> 12), 0x80 | ((number >> 6) & 63), 0x80 | (number & 63)];
  const head = Buffer.from([0xff, 0xf8, 0xc0, 0, ...digits]);
  return Buffer.concat([head, Buffer.from([crc8(head)]), Buffer.alloc(8)]);
}

function crc8(bytes: Buffer): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x80 ? 0x07 : 0)) & 0xff;
  }
  return crc;
}
