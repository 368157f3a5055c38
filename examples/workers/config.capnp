# For workerd, the runtime of Cloudflare Workers, on a machine of your own; Cloudflare itself takes a wrangler.toml.
using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = .avatar),
    # Without this a worker reaches public addresses only, and no API on your own machine.
    (name = "internet", network = (allow = ["public", "private"], tlsOptions = (trustBrowserCas = true))),
  ],
  sockets = [(name = "http", address = "127.0.0.1:3000", http = (), service = "main")],
);

const avatar :Workerd.Worker = (
  modules = [(name = "worker.js", esModule = embed "../../out/worker.js")],
  # 2024-11-11 or later: the client uses the `cache` option of `fetch`.
  compatibilityDate = "2026-11-01",
  bindings = [
    (name = "AVATAR_API_KEY", fromEnvironment = "AVATAR_API_KEY"),
    (name = "AVATAR_BASE_URL", fromEnvironment = "AVATAR_BASE_URL"),
    (name = "SESSION_SECRET", fromEnvironment = "SESSION_SECRET"),
  ],
);
