import { type Agent, request } from "node:http";
import { text } from "node:stream/consumers";
import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import { onTestFinished } from "vitest";
import { type FakeS3, startFakeS3 } from "../fake-s3.ts";

/** A server and the real client for it, for one test. */
export async function startS3AndClient(options?: Parameters<typeof startFakeS3>[0]) {
  const s3 = await startFakeS3(options);
  onTestFinished(() => s3.stop());
  return { s3, client: clientOf(s3) };
}

export function clientOf(s3: FakeS3, config: S3ClientConfig = {}): S3Client {
  const client = new S3Client({
    endpoint: s3.endpoint,
    region: "auto",
    forcePathStyle: true,
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    maxAttempts: 1,
    credentials: { accessKeyId: s3.accessKeyId, secretAccessKey: s3.secretAccessKey },
    ...config,
  });
  onTestFinished(() => client.destroy());
  return client;
}

export interface RawAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
  /** Of an error. */
  code: string | undefined;
}

export interface RawOptions {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
  agent?: Agent;
}

export function sendRaw(url: string, options?: RawOptions): Promise<RawAnswer> {
  const { origin } = new URL(url);
  return sendTarget(origin, url.slice(origin.length), options);
}

/** Exactly these characters, and these headers, which fetch would not send. */
export function sendTarget(
  origin: string,
  target: string,
  { body, ...options }: RawOptions = {},
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request(origin, { ...options, path: target }, (response) => {
      text(response).then((answer) => {
        const [, code] = /<Code>(.*)<\/Code>/.exec(answer) ?? [];
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: answer, code });
      }, reject);
    });
    sent.on("error", reject);
    sent.end(body);
  });
}

/** The code that a call of the client is refused with, or "nothing". */
export const refusalOf = (call: Promise<unknown>): Promise<string> =>
  call.then(
    () => "nothing",
    (error: Error) => error.name,
  );
