/** Where the one description is in an `stsd` box: behind version, flags and the number of descriptions. */
const ENTRY_AT = 8;
const VISUAL_BYTES = 86;
const SOUND_BYTES = 36;

/** The size of H.264 pictures as an `stsd` box describes them, if that is what it does. */
export function readAvcSize(descriptions: Buffer): { width: number; height: number } | undefined {
  const avc = readEntry(descriptions, "avc1");
  // A decoder cannot start without `avcC`: it has the stream's parameter sets.
  if (!avc || !findBox(avc.subarray(VISUAL_BYTES), "avcC")?.length) return undefined;
  return { width: avc.readUInt16BE(32), height: avc.readUInt16BE(34) };
}

/** Whether an `stsd` box describes AAC: `mp4a` may be MP3 too. */
export function describesAac(descriptions: Buffer): boolean {
  const sound = readEntry(descriptions, "mp4a");
  const stream = sound && findBox(sound.subarray(SOUND_BYTES), "esds");
  return stream !== undefined && readObjectType(stream) === AAC;
}

const AAC = 0x40;
const ES_DESCRIPTOR = 3;
const DECODER_DESCRIPTOR = 4;

/** ISO 14496-1: descriptors have a type, a length of up to four bytes of 7 bits, and then data or more of them. */
function readObjectType(stream: Buffer): number | undefined {
  let at = 4;
  const enter = (type: number): boolean => {
    if (stream[at] !== type) return false;
    do at += 1;
    while ((stream[at] ?? 0) & 0x80);
    at += 1;
    return true;
  };
  if (!enter(ES_DESCRIPTOR)) return undefined;
  at += 3;
  return enter(DECODER_DESCRIPTOR) ? stream[at] : undefined;
}

function readEntry(descriptions: Buffer, type: string): Buffer | undefined {
  if (descriptions.readUInt32BE(4) !== 1) return undefined;
  const end = ENTRY_AT + descriptions.readUInt32BE(ENTRY_AT);
  const isWhole =
    descriptions.toString("latin1", ENTRY_AT + 4, ENTRY_AT + 8) === type && end <= descriptions.length;
  return isWhole ? descriptions.subarray(ENTRY_AT, end) : undefined;
}

function findBox(boxes: Buffer, type: string): Buffer | undefined {
  let at = 0;
  while (at + 8 <= boxes.length) {
    const bytes = boxes.readUInt32BE(at);
    if (bytes < 8) return undefined;
    if (boxes.toString("latin1", at + 4, at + 8) === type) return boxes.subarray(at + 8, at + bytes);
    at += bytes;
  }
  return undefined;
}
