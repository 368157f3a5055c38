import { createServer } from "node:http";

/** What Node itself can do here: an answer of a few bytes, and nothing behind it. */
createServer((_request, response) => {
  response.setHeader("content-type", "application/json");
  response.end('{"ok":true}');
}).listen({ port: Number(process.env.PORT), host: "127.0.0.1", backlog: 4096 });
