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
 * Makes RunPod's template and endpoint what the deployment says, and says what it changes. What the deployment does not
 * speak of is left alone. @returns the endpoint's id; undefined where a dry run would make it. @throws ManagementError
 */
export async function deployEndpoint(options: Options): Promise<string | undefined> {
  const { client, deployment, isDryRun, say } = options;
  const { name: templateName, ...template } = deployment.template;
  const { name: endpointName, ...endpoint } = deployment.endpoint;

  const found = (await client.templates()).find(({ name }) => name === templateName);
  // Before anything is changed, so that a wrong id changes nothing.
  const current = findEndpoint(await client.endpoints(), endpointName, options.endpointId);

  // Variables that were set by hand, a token for example, stay.
  const wanted = { ...template, env: { ...found?.env, ...template.env } };
  const templateChanges = differences(found, wanted);
  say(found ? `template ${templateName} (${found.id})` : `template ${templateName} is new`);
  for (const line of describe(found, templateChanges)) say(line);
  let templateId = found?.id;
  if (!isDryRun && templateChanges.length > 0) {
    const change = Object.fromEntries(templateChanges);
    const saved = found
      ? await client.updateTemplate(found.id, change)
      : await client.createTemplate({ name: templateName, isServerless: true, ...change });
    templateId = saved.id;
  }

  const { flashboot, ...comparable } = endpoint;
  const endpointChanges = differences(current, { ...comparable, templateId: templateId ?? "(the new one)" });
  say(current ? `endpoint ${endpointName} (${current.id})` : `endpoint ${endpointName} is new`);
  for (const line of describe(current, endpointChanges)) say(line);
  if (isDryRun || (current && endpointChanges.length === 0)) return current?.id;
  const change = { ...Object.fromEntries(endpointChanges), flashboot };
  const saved = current
    ? await client.updateEndpoint(current.id, change)
    : await client.createEndpoint({ name: endpointName, computeType: "GPU", ...change });
  return saved.id;
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
  // RunPod marks endpoints with FlashBoot by an ending of their names.
  const found = all.filter((each) => each.name.replace(/ -fb$/, "") === name);
  if (found.length > 1)
    throw new ManagementError(
      `${found.length} endpoints are called ${name}: set RUNPOD_ENDPOINT_ID to the one that is meant ` +
        `(${found.map((each) => each.id).join(", ")})`,
    );
  return found[0];
}

type Change = [field: string, wanted: unknown];

function differences(current: object | undefined, wanted: object): Change[] {
  const now = (current ?? {}) as Record<string, unknown>;
  return Object.entries(wanted).filter(([field, value]) => !isDeepStrictEqual(now[field], value));
}

function* describe(current: object | undefined, changes: Change[]): Generator<string> {
  if (current && changes.length === 0) yield "  as it should be";
  const now = (current ?? {}) as Record<string, unknown>;
  for (const [field, value] of changes) {
    if (field === "env") yield* describeEnv(now.env as Record<string, string> | undefined, value as object);
    else yield `  ${field}: ${current ? `${show(now[field])} -> ` : ""}${show(value)}`;
  }
}

/** Only names of what is there now: a value may be a token. */
function* describeEnv(current: Record<string, string> = {}, wanted: object): Generator<string> {
  for (const [name, value] of Object.entries(wanted)) {
    if (current[name] !== value)
      yield `  env ${name}: ${name in current ? "another value -> " : ""}${show(value)}`;
  }
}

const show = (value: unknown) => (value === undefined ? "unset" : JSON.stringify(value));
