import { ConnectionError } from "./index.ts";
import { systemClock } from "./retry.ts";
import type { Send } from "./trpc-send.ts";

/** tRPC adds listeners for events of several types. */
type Listener = (event: never) => void;

const [CONNECTING, OPEN, CLOSED] = [0, 1, 2];
/** Clients whose streams broke off together do not come back together. */
const LONGEST_PAUSE_MS = 1000;

/**
 * As much of an EventSource as tRPC needs, over `fetch`: a browser's own cannot send a key. Like that one it comes again,
 * after the last event, where a stream breaks off. Where it is refused it ends, and unlike that one it tells why.
 */
export const createEventSource = (send: Send) =>
  class {
    readonly CONNECTING = CONNECTING;
    readonly OPEN = OPEN;
    readonly CLOSED = CLOSED;
    readyState: number = CONNECTING;
    #lastEventId = "";
    readonly #listeners = new Map<string, Listener[]>();
    readonly #controller = new AbortController();

    constructor(url: string) {
      this.#run(url).catch((error) => this.#end(error));
    }

    addEventListener(type: string, listener: Listener): void {
      this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener]);
    }

    removeEventListener(type: string, listener: Listener): void {
      this.#listeners.set(type, this.#listeners.get(type)?.filter((each) => each !== listener) ?? []);
    }

    close(): void {
      this.readyState = CLOSED;
      this.#controller.abort();
    }

    #tell(type: string, event: unknown): void {
      for (const listener of this.#listeners.get(type) ?? []) listener(event as never);
    }

    #end(reason: unknown): void {
      if (this.readyState === CLOSED) return;
      this.readyState = CLOSED;
      this.#tell("error", reason);
    }

    async #run(url: string): Promise<void> {
      const { signal } = this.#controller;
      for (;;) {
        const known = this.#lastEventId && { "last-event-id": this.#lastEventId };
        const response = await send(url, { signal, headers: { ...known } });
        if (!response.ok || !response.body) return this.#end(await response.json());
        this.readyState = OPEN;
        await this.#read(response.body).catch(() => {}); // However it ends, what is missing comes next time.
        if (signal.aborted) return;
        this.readyState = CONNECTING;
        this.#tell("error", new ConnectionError({ code: "connection", detail: "The stream broke off." }));
        await systemClock.sleep(Math.random() * LONGEST_PAUSE_MS, signal);
      }
    }

    async #read(body: ReadableStream<Uint8Array>): Promise<void> {
      const reader = body.getReader();
      const decoder = new TextDecoder();
      let text = "";
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        text += decoder.decode(value, { stream: true });
        const blocks = text.split(/\r?\n\r?\n/);
        text = blocks.pop() ?? "";
        for (const block of blocks) this.#tellOf(block);
      }
    }

    #tellOf(block: string): void {
      const fields = Object.fromEntries(
        [...block.matchAll(/^(event|data|id): ?(.*)$/gm)].map(([, name, value]) => [name, value]),
      );
      if (fields.id !== undefined) this.#lastEventId = fields.id;
      if (fields.data === undefined || this.readyState === CLOSED) return;
      this.#tell(fields.event ?? "message", { data: fields.data, lastEventId: this.#lastEventId });
    }
  };
