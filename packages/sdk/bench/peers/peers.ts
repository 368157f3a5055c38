import { DIALECTS, type Dialect } from "./dialects.ts";

/** What a call may be able to do: to be aborted, to wait for the job, to send a file. */
export type Ability = "signal" | "waiting" | "upload";

/** One row: a client, and the call that is measured. */
export interface Peer {
  /** The npm package. */
  name: string;
  /** What it is called in the table, and of its file in `clients/`. */
  client: string;
  call: string;
  dialect: Dialect;
  lacks?: readonly Ability[];
}

export const OURS = "@avatar/client";

const { avatar, fal, replicate, openai, runway, wavespeed, assemblyai, higgsfield, creation } = DIALECTS;

export const PEERS: readonly Peer[] = [
  { name: OURS, client: "avatar", call: "generate", dialect: avatar },
  { name: "@fal-ai/client", client: "fal", call: "subscribe", dialect: fal },
  { name: "replicate", client: "replicate", call: "run", dialect: replicate },
  {
    name: "replicate",
    client: "replicate-poll",
    call: 'run, wait: { mode: "poll" }',
    dialect: replicate,
    // The same as in the row above.
    lacks: ["upload"],
  },
  { name: "openai", client: "openai", call: "vectorStores.fileBatches.createAndPoll", dialect: openai },
  {
    name: "@runwayml/sdk",
    client: "runway",
    call: "imageToVideo.create().waitForTaskOutput",
    dialect: runway,
  },
  { name: "wavespeed", client: "wavespeed", call: "run", dialect: wavespeed, lacks: ["signal"] },
  {
    name: "assemblyai",
    client: "assemblyai",
    call: "transcripts.transcribe",
    dialect: assemblyai,
    lacks: ["signal"],
  },
  {
    name: "@higgsfield/client",
    client: "higgsfield",
    call: "subscribe",
    dialect: higgsfield,
    lacks: ["signal"],
  },
  {
    name: "stripe",
    client: "stripe",
    call: "paymentIntents.create",
    dialect: creation,
    lacks: ["signal", "waiting", "upload"],
  },
  {
    name: "@anthropic-ai/sdk",
    client: "anthropic",
    call: "messages.create",
    dialect: creation,
    lacks: ["waiting", "upload"],
  },
];
