import { StorageUnavailable } from "./object-store.ts";

/** A full, broken or read-only disk is a store that is not available. */
export async function onDisk<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof Error && "syscall" in error)
      throw new StorageUnavailable(`the disk failed: ${error.message}`, { cause: error });
    throw error;
  }
}

/** Undefined for what is not there. */
export function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw error;
}
