import { type Connect, defineConfig } from "vite";
import { makeChildKey } from "./child-key.ts";

/** In your own server, this is a route behind your login. */
const giveChildKey: Connect.NextHandleFunction = (_request, response, next) => {
  makeChildKey().then((key) => response.setHeader("content-type", "application/json").end(key), next);
};

/** Serves a page, and a key for it: `vite react --config vite.config.ts`. */
export default defineConfig({
  // What the page may know: the address of the API, and not its key.
  envPrefix: "AVATAR_BASE_URL",
  server: { port: 5173, strictPort: true },
  plugins: [
    {
      name: "child-keys",
      configureServer: ({ middlewares }) => void middlewares.use("/key", giveChildKey),
      configurePreviewServer: ({ middlewares }) => void middlewares.use("/key", giveChildKey),
    },
  ],
});
