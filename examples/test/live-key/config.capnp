using Workerd = import "/workerd/workerd.capnp";

const config :Workerd.Config = (
  services = [
    (name = "main", worker = .tryKey),
    (name = "internet", network = (allow = ["public", "private"])),
  ],
  sockets = [(name = "http", address = "127.0.0.1:3000", http = (), service = "main")],
);

const tryKey :Workerd.Worker = (
  modules = [(name = "try-key.js", esModule = embed "../../../out/try-key.js")],
  # Of a time when workers had `importScripts`, as those of a page have.
  compatibilityDate = "2023-01-01",
  compatibilityFlags = ["cache_option_enabled"],
  bindings = [(name = "AVATAR_BASE_URL", fromEnvironment = "AVATAR_BASE_URL")],
);
