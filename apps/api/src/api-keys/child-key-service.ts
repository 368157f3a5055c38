import type { CreateChildKeyInput } from "@avatar/contract/key-schemas";
import type { z } from "zod";
import { AppError } from "../errors.ts";
import type { ApiKeyRow } from "./api-key-repository.ts";
import { type Caller, requireScope } from "./caller.ts";
import { earliest, endOf } from "./key-end.ts";
import type { KeyMaker } from "./key-maker.ts";

interface Deps {
  confirm: (caller: Caller) => Promise<ApiKeyRow>;
  make: KeyMaker["make"];
  now: () => Date;
}

/** @returns a function that makes a key for a browser, which can do less than the caller's and ends soon */
export function createChildKeys({ confirm, make, now }: Deps) {
  return async function createChild(caller: Caller, input: z.output<typeof CreateChildKeyInput>) {
    if (caller.childKeyId)
      throw new AppError("insufficient_scope", { detail: "A child key cannot make keys." });
    const parent = await confirm(caller);
    for (const scope of input.scopes ?? []) requireScope(parent, scope);
    const scopes =
      input.scopes ?? (["generate", "read"] as const).filter((each) => parent.scopes.includes(each));
    if (scopes.length === 0)
      throw new AppError("insufficient_scope", {
        detail: "This key has no scope that a child key could have.",
      });
    const ttlEnd = new Date(now().getTime() + input.ttlSeconds * 1000);
    const child = {
      owner: parent.owner,
      name: "child",
      parentId: parent.id,
      parentHash: caller.keyHash,
      scopes: [...new Set(scopes)],
      limits: input.limits,
      expiresAt: earliest(ttlEnd, endOf(parent, caller.keyHash)) ?? ttlEnd,
    };
    return make(parent.mode, child, parent.id);
  };
}
