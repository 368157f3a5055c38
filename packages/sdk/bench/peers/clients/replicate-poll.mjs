import { connect as connectReplicate } from "./replicate.mjs";

export const connect = (url) => connectReplicate(url, { wait: { mode: "poll" } });
