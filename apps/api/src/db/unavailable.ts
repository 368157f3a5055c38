import { AppError } from "../errors.ts";

/** Postgres error classes and codes, and those of postgres.js, that say "not now" rather than "wrong". */
const CODES =
  /^(08...|28...|3D000|53...|57P0.|57014|CONNECTION_(CLOSED|ENDED|DESTROYED)|CONNECT_TIMEOUT|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN)$/;

/** The database cannot be reached, lets nobody in, or is going down or coming up: worth another try in a moment. */
export function isDatabaseUnavailable(error: unknown): boolean {
  // What lies below an error of ours is not the database's: a customer's URL may lead nowhere, too.
  for (let cause = error; cause instanceof Error && !(cause instanceof AppError); cause = cause.cause) {
    if ("code" in cause && typeof cause.code === "string" && CODES.test(cause.code)) return true;
  }
  return false;
}
