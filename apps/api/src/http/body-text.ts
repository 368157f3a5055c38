import { isUtf8 } from "node:buffer";
import { AppError } from "../errors.ts";

/** Else what is no UTF-8 would be stored as other characters. @throws AppError `malformed_json` */
export function toText(body: string | Buffer): string {
  if (typeof body === "string") return body;
  if (!isUtf8(body)) throw new AppError("malformed_json", { detail: "The body is not UTF-8." });
  return body.toString();
}
