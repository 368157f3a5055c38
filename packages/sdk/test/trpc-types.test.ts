import type { Router } from "@avatar/api/testing";
import type { AnyTRPCRouter, inferRouterError, inferRouterInputs, inferRouterOutputs } from "@trpc/server";
import { expect, test } from "vitest";
import type { AvatarRouter } from "../src/trpc.ts";

type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
/** Flattens `extends` and intersections, which `Equal` would tell apart, and takes what a subscription yields. */
type Flat<T> =
  T extends AsyncIterable<infer Event>
    ? Flat<Event>[]
    : T extends object
      ? { [K in keyof T]: Flat<T[K]> }
      : T;
type Same<A, B> = Equal<Flat<A>, Flat<B>>;

/** `query`, `mutation` or `subscription` of each procedure. */
type Kinds<R extends AnyTRPCRouter> = KindsOf<R["_def"]["record"]>;
type KindsOf<T> = {
  [Name in keyof T]: T[Name] extends { _def: { type: infer Kind } } ? Kind : KindsOf<T[Name]>;
};

// It is the compiler that shows it: `pnpm types`.
test("the router's type is that of the router that answers", () => {
  const kinds: Same<Kinds<AvatarRouter>, Kinds<Router>> = true;
  const inputs: Same<inferRouterInputs<AvatarRouter>, inferRouterInputs<Router>> = true;
  const outputs: Same<inferRouterOutputs<AvatarRouter>, inferRouterOutputs<Router>> = true;
  const errors: Same<inferRouterError<AvatarRouter>, inferRouterError<Router>> = true;
  expect([kinds, inputs, outputs, errors]).toEqual([true, true, true, true]);
});
