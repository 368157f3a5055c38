import { once } from "node:events";
import { createServer } from "node:http";
import { type AddressInfo, connect } from "node:net";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test, vi } from "vitest";
import { newId } from "../ids.ts";
import { answerClientErrors } from "./client-errors.ts";

test("the connection is closed after the answer, also where the client keeps its half open", async () => {
  const server = createServer()
    .on(
      "clientError",
      answerClientErrors(newId, () => ""),
    )
    .listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect({ port: (server.address() as AddressInfo).port, allowHalfOpen: true });
  onTestFinished(() => {
    socket.destroy();
    server.close();
  });
  socket.write("hello\r\n\r\n");
  expect(await text(socket)).toMatch(/^HTTP\/1.1 400 /);
  await vi.waitFor(async () => {
    const open = await new Promise((resolve) => server.getConnections((_error, count) => resolve(count)));
    expect(open).toBe(0);
  });
});
