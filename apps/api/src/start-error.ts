/** The server cannot start, and whoever operates it can mend that: the message says what is wrong, and where. */
export class StartError extends Error {
  override readonly name: string = "StartError";
}

/** Names what could not be used where the system refused it; anything else is thrown as it is. */
export async function orStartError<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StartError) throw error;
    for (let cause = error; cause instanceof Error; cause = cause.cause) {
      // Codes of the system, of Postgres, of its driver, of TLS and of the lock file; not of mistakes in this program.
      if ("code" in cause && /^(?!ERR_(?!SQLITE|TLS|SSL))([A-Z_]+|[0-9A-Z]{5})$/.test(String(cause.code)))
        throw new StartError(`${what}: ${cause.message || cause.code}`, { cause: error });
    }
    throw error;
  }
}
