/** Names of ffmpeg's demuxers for the formats we accept. */
export type Demuxer = "wav" | "mp3" | "mov" | "aac" | "ogg" | "flac";

export type ReadAt = (position: number, length: number) => Promise<Buffer>;

/** What a file's own structure says about its length. */
interface DeclaredLength {
  /** The file has at least this many bytes unless it was cut. */
  readonly bytes: number;
  readonly seconds: number | undefined;
}

export function findDemuxer(head: Buffer): Demuxer | undefined {
  const magic = head.toString("latin1", 0, 4);
  if ((magic === "RIFF" || magic === "RF64") && head.toString("latin1", 8, 12) === "WAVE") return "wav";
  if (magic === "fLaC") return "flac";
  if (magic === "OggS") return "ogg";
  if (head.toString("latin1", 4, 8) === "ftyp") return "mov";
  const [first = 0, second = 0] = head;
  // MPEG sync word, then version, layer and protection bits: layer 3 is MP3, layer 0 is ADTS.
  if (first === 0xff && (second & 0xe6) === 0xe2) return "mp3";
  if (first === 0xff && (second & 0xf6) === 0xf0) return "aac";
  return undefined;
}

/** Offset of the first byte after an ID3v2 tag, whose size has seven bits per byte. */
export function skipId3(head: Buffer): number {
  if (head.toString("latin1", 0, 3) !== "ID3" || head.length < 10) return 0;
  const [a = 0, b = 0, c = 0, d = 0] = head.subarray(6, 10);
  return 10 + (a << 21) + (b << 14) + (c << 7) + d;
}

export async function declaredLength(
  demuxer: Demuxer,
  head: Buffer,
  readAt: ReadAt,
): Promise<DeclaredLength> {
  switch (demuxer) {
    case "wav":
      return { bytes: await endOfWavData(readAt), seconds: undefined };
    case "mov":
      return { bytes: await endOfLastBox(readAt), seconds: undefined };
    case "flac":
      return { bytes: 0, seconds: flacSeconds(head) };
    default:
      return { bytes: 0, seconds: undefined };
  }
}

/** Both containers are a chain of sized parts; a longer chain than this is no recording. */
const MAX_PARTS = 10_000;

async function endOfWavData(readAt: ReadAt): Promise<number> {
  let position = 12;
  for (let part = 0; part < MAX_PARTS; part++) {
    const header = await readAt(position, 8);
    if (header.length < 8) return 0;
    const size = header.readUInt32LE(4);
    const isUnknown = size === 0 || size === 0xffffffff; // written by a stream that never knew its length
    if (header.toString("latin1", 0, 4) === "data") return isUnknown ? 0 : position + 8 + size;
    position += 8 + size + (size % 2);
  }
  return 0;
}

async function endOfLastBox(readAt: ReadAt): Promise<number> {
  let position = 0;
  for (let part = 0; part < MAX_PARTS; part++) {
    const header = await readAt(position, 16);
    if (header.length < 8) return position;
    const size32 = header.readUInt32BE(0);
    if (size32 === 0) return 0; // reaches to the end of the file, wherever that is
    const size = size32 === 1 && header.length === 16 ? Number(header.readBigUInt64BE(8)) : size32;
    if (size < 8) return 0; // damaged, not cut: the decoder will say so
    position += size;
  }
  return 0;
}

/** STREAMINFO: 20 bits of sample rate at byte 18, 36 bits of sample count at byte 21.5. */
function flacSeconds(head: Buffer): number | undefined {
  if (head.length < 26) return undefined;
  const rate = head.readUIntBE(18, 3) >> 4;
  const samples = (head.readUInt8(21) & 15) * 2 ** 32 + head.readUInt32BE(22);
  return rate > 0 && samples > 0 ? samples / rate : undefined;
}
