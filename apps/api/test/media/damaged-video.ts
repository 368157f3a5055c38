export const replaced = (file: Buffer, from: string, to: string, nth = 0) => {
  const copy = Buffer.from(file);
  let at = copy.indexOf(from);
  for (let count = 0; count < nth; count++) at = copy.indexOf(from, at + 1);
  copy.write(to, at, "latin1");
  return copy;
};

/** Adds to the number at `offset` behind the name of the `nth` box of this name. */
export const changed = (file: Buffer, box: string, offset: number, by: number, nth = 0) => {
  const copy = Buffer.from(file);
  let at = copy.indexOf(box);
  for (let count = 0; count < nth; count++) at = copy.indexOf(box, at + 1);
  copy.writeUInt32BE(copy.readUInt32BE(at + offset) + by, at + offset);
  return copy;
};

/** The file with more bytes at the end of a box, the innermost of `path`. What lies behind it moves. */
export function grown(file: Buffer, path: string[], more: Buffer): Buffer {
  let copy = Buffer.from(file);
  let at = 0;
  for (const name of path) {
    at = copy.indexOf(name, at) - 4;
    copy.writeUInt32BE(copy.readUInt32BE(at) + more.length, at);
    at += 8;
  }
  const end = at - 8 + copy.readUInt32BE(at - 8) - more.length;
  copy = Buffer.concat([copy.subarray(0, end), more, copy.subarray(end)]);
  return copy;
}

/** Top-level boxes by name. */
export function split(file: Buffer): Map<string, Buffer> {
  const boxes = new Map<string, Buffer>();
  for (let at = 0; at < file.length; at += file.readUInt32BE(at)) {
    boxes.set(file.toString("latin1", at + 4, at + 8), file.subarray(at, at + file.readUInt32BE(at)));
  }
  return boxes;
}

export const joined = (boxes: Map<string, Buffer>, ...names: string[]) =>
  Buffer.concat(names.map((name) => boxes.get(name) ?? Buffer.alloc(0)));

export const chunkAt = (file: Buffer, offset: number) =>
  changed(file, "stco", 12, offset - file.readUInt32BE(file.indexOf("stco") + 12));

export function withoutBytes(file: Buffer): Buffer {
  const at = file.indexOf("stsz");
  const isOneSize = file.readUInt32BE(at + 8) > 0;
  return changed(file, "stsz", isOneSize ? 8 : 16, -file.readUInt32BE(at + (isOneSize ? 8 : 16)));
}

/** A second of nothing, or from `start` on, and then the pictures as they were. */
export function withPause(file: Buffer, start = -1): Buffer {
  const at = file.indexOf("elst") + 12;
  const edit = Buffer.from(file.subarray(at, at + 12));
  const copy = changed(grown(file, ["moov", "trak", "edts", "elst"], edit), "elst", 8, 1);
  copy.writeUInt32BE(1000, at);
  copy.writeInt32BE(start, at + 4);
  return copy;
}

/** Where the four bytes start whose first is the kind of stream, behind the name of the `esds` box. */
export function esdsObjectType(file: Buffer): number {
  const at = file.indexOf("esds");
  const decoder = file.indexOf(Buffer.from([4]), at + 8 + 5);
  let type = decoder + 1;
  while (file.readUInt8(type) & 0x80) type += 1;
  return type + 1 - at;
}
