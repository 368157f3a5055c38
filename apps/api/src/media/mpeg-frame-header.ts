/** What the header of an MP3 or ADTS frame says. Either is a frame that can be decoded without a container. */
export interface FrameHeader {
  /** Length of the frame with its header. */
  bytes: number;
  samples: number;
  sampleRate: number;
  /** Equal for all frames of one stream, and for no others. */
  stream: number;
  /** Where an MP3 encoder puts the Xing tag in the first frame. */
  tagAt: number;
}

/** kbit/s of Layer III. */
const MPEG1_RATES = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
const MPEG2_RATES = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];

const MPEG_VERSIONS = [2.5, undefined, 2, 1];
const MPEG1_SAMPLE_RATES = [44_100, 48_000, 32_000];

/** Layer III only. Frames of "free format" have no length in their header; no encoder in use makes them. */
export function parseMp3Header(head: Buffer): FrameHeader | undefined {
  if (head.length < 4) return undefined;
  const version = head.readUInt8(1);
  const rates = head.readUInt8(2);
  const mode = head.readUInt8(3);
  const isSync = head[0] === 0xff && (version & 0xe6) === 0xe2;
  const mpeg = MPEG_VERSIONS[(version >> 3) & 3];
  const kbits = (mpeg === 1 ? MPEG1_RATES : MPEG2_RATES)[rates >> 4];
  const baseRate = MPEG1_SAMPLE_RATES[(rates >> 2) & 3];
  if (!isSync || !mpeg || !kbits || !baseRate) return undefined;

  const sampleRate = baseRate / (mpeg === 2.5 ? 4 : mpeg);
  const samples = mpeg === 1 ? 1152 : 576;
  const padding = (rates >> 1) & 1;
  const isMono = mode >> 6 === 3;
  const sideBytes = mpeg === 1 ? (isMono ? 17 : 32) : isMono ? 9 : 17;
  return {
    bytes: Math.floor(((samples / 8) * kbits * 1000) / sampleRate) + padding,
    samples,
    sampleRate,
    stream: sampleRate,
    tagAt: 4 + sideBytes,
  };
}

const ADTS_RATES = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
];

export function parseAdtsHeader(head: Buffer): FrameHeader | undefined {
  if (head.length < 7) return undefined;
  const isSync = head[0] === 0xff && (head.readUInt8(1) & 0xf6) === 0xf0;
  const sampleRate = ADTS_RATES[(head.readUInt8(2) >> 2) & 15];
  const bytes = (head.readUInt32BE(2) >> 5) & 0x1fff;
  if (!isSync || !sampleRate || bytes <= 7) return undefined;
  return { bytes, samples: 1024 * ((head.readUInt8(6) & 3) + 1), sampleRate, stream: -sampleRate, tagAt: 0 };
}
