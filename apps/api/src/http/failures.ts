import type { Problem } from "@avatar/contract/types";
import type { FastifyRequest } from "fastify";
import { toAppError } from "../problem.ts";
import { clientAddress } from "./client-address.ts";

const failures = new WeakMap<FastifyRequest, number>();

/** How many calls of the request failed through our fault. */
export const failuresOf = (request: FastifyRequest): number => failures.get(request) ?? 0;

/**
 * Each failed call is logged once, here: expected ones at info, ours at error with the cause. Those that are shed are not:
 * there may be thousands in a second, of which `shedLoad` tells.
 */
export function logFailure(request: FastifyRequest, problem: Problem, error: unknown): void {
  const { code, status } = problem;
  if (!toAppError(error).isOfJob) request.server.countFailure(problem);
  const client = clientAddress(request);
  const facts = { code, status, method: request.method, path: pathOf(request), client };
  if (status < 500 || toAppError(error).isOfJob) {
    request.log.info(facts, problem.title);
    return;
  }
  failures.set(request, failuresOf(request) + 1);
  if (code === "overloaded") return;
  request.log.error({ ...facts, err: error }, problem.title);
}

/** Without the query, which may hold a signature. */
const pathOf = (request: FastifyRequest) => request.url.split("?", 1)[0];
