import { isDeepStrictEqual } from "node:util";
import {
  type createManagementClient,
  type Deployment,
  ManagementError,
  type RemoteEndpoint,
} from "./management-client.ts";

interface Options {
  client: ReturnType<typeof createManagementClient>;
  deployment: Deployment;
  /** Of the endpoint to change; undefined to find it by its name. */
  endpointId: string | undefined;
  isDryRun: boolean;
  say: (text: string) => void;
}

/**
 * Makes RunPod's endpoint what the deployment says, and says what it changes. What the deployment does not speak of is
 * left alone. @returns the endpoint's id; undefined where a dry run would make it. @throws ManagementError
 */
export async function deployEndpoint(options: Options): Promise<string | undefined> {
  const { client, deployment, endpointId, isDryRun, say } = options;
  const { name, type, ...wanted } = deployment;
  const current = findEndpoint(await client.endpoints(), name, endpointId);
  if (!current) {
    say(`endpoint ${name} is new`);
    for (const { path, value } of differences({}, { type, ...wanted })) say(`  ${path}: ${show(value)}`);
    return isDryRun ? undefined : (await client.createEndpoint(deployment)).id;
  }
  if ((current.type ?? type) !== type)
    throw new ManagementError(
      `endpoint ${current.id} has the type ${current.type}, which cannot be changed to ${type}: ` +
        "delete it in RunPod's console, or use another name",
    );

  say(`endpoint ${name} (${current.id})`);
  const found = [...differences(current, wanted)];
  const untold = found.filter(isUntold);
  const isDifferent = untold.length < found.length;
  if (isDifferent) for (const difference of found) say(`  ${describe(difference)}`);
  else {
    say("  as it should be");
    for (const { path } of untold) say(`  ${path}: RunPod does not tell it; it is sent with the next change`);
  }
  if (isDryRun || !isDifferent) return current.id;
  // Variables that were set by hand, a token for example, stay: RunPod replaces all of them.
  const all = { ...wanted, env: { ...current.env, ...wanted.env } };
  const changed = new Set(found.map(({ path }) => path.split(".")[0]));
  const change = Object.fromEntries(Object.entries(all).filter(([field]) => changed.has(field)));
  return (await client.updateEndpoint(current.id, change)).id;
}

function findEndpoint(
  all: RemoteEndpoint[],
  name: string,
  id: string | undefined,
): RemoteEndpoint | undefined {
  if (id !== undefined) {
    const found = all.find((each) => each.id === id);
    if (!found) throw new ManagementError(`RUNPOD_ENDPOINT_ID: there is no endpoint ${id} in this account`);
    return found;
  }
  // Endpoints that older tools made with FlashBoot have this ending: https://github.com/runpod/runpodctl/pull/261
  const found = all.filter((each) => each.name.replace(/ -fb$/, "") === name);
  if (found.length > 1)
    throw new ManagementError(
      `${found.length} endpoints are called ${name}: set RUNPOD_ENDPOINT_ID to the one that is meant ` +
        `(${found.map((each) => each.id).join(", ")})`,
    );
  return found[0];
}

interface Difference {
  /** For example `workers.max`. */
  path: string;
  /** Null or undefined where it is not set, undefined also where RunPod does not tell. */
  now: unknown;
  value: unknown;
}

/** Every wanted value that is not there. */
function* differences(now: unknown, wanted: object, above = ""): Generator<Difference> {
  for (const [field, value] of Object.entries(wanted)) {
    const path = above + field;
    const there = isObject(now) ? now[field] : undefined;
    if (isObject(value)) yield* differences(there, value, `${path}.`);
    else if (value !== undefined && !isSame(there, value)) yield { path, now: there, value };
  }
}

/** Answers may lack fields. Such a field would be different for ever; of variables all are told. */
const isUntold = ({ path, now }: Difference) => now === undefined && !isVariable(path);

const isVariable = (path: string) => path.startsWith("env.");

function describe(difference: Difference): string {
  const { path, now, value } = difference;
  return `${path}: ${isUntold(difference) ? "not told" : showCurrent(path, now)} -> ${show(value)}`;
}

/** What a variable holds now may be a token. */
const showCurrent = (path: string, now: unknown) =>
  isVariable(path) && now !== undefined ? "another value" : show(now);

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The order of RunPod's lists means nothing. */
const isSame = (one: unknown, other: unknown) => isDeepStrictEqual(sorted(one), sorted(other));

const sorted = (value: unknown) => (Array.isArray(value) ? value.toSorted() : value);

const show = (value: unknown) => (value === undefined || value === null ? "unset" : JSON.stringify(value));
