import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { connect } from "./connect.ts";
import { SILENT } from "./display.ts";

test("Ctrl-C ends the wait for a key on stdin", async () => {
  const stdin = new PassThrough();
  const controller = new AbortController();
  const { signal } = controller;
  const connecting = connect("https://avatar.test", "-", { env: {}, stdin, display: SILENT, signal });
  controller.abort();
  await expect(connecting).rejects.toMatchObject({ code: "aborted" });
  expect(stdin.destroyed, "or it would keep the process alive").toBe(true);
});
