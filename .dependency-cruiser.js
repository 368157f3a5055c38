/** Who may import whom: docs/architecture.md. Run with `pnpm edges`. */
const from = (path, pathNot) => ({ path, ...(pathNot && { pathNot }) });
const rule = (name, comment, fromPath, to, fromNot) => ({
  name,
  comment,
  severity: "error",
  from: from(fromPath, fromNot),
  to,
});

const api = "^apps/api/src";
const tests = "\\.test\\.ts$|^(apps|packages)/[^/]+/(test|bench)/";

export default {
  forbidden: [
    rule("no-cycles", "A cycle is two files that are one.", "^(apps|packages|examples)/", { circular: true }),
    rule(
      "contract-is-pure",
      "The contract knows zod and nothing else.",
      "^packages/contract/src",
      {
        pathNot: "^packages/contract/src|node_modules/zod/",
      },
      tests,
    ),
    rule(
      "sdk-stands-alone",
      "The client has no runtime dependencies and no schemas.",
      "^packages/sdk/src",
      {
        pathNot:
          "^packages/sdk/src|^packages/contract/src/(types|key-types|usage-types|errors|limits)\\.ts$|^(node:)?fs(/promises)?$|^(node:)?(crypto|stream|path|url)$",
      },
      `^packages/sdk/src/(react|trpc[^/]*)\\.ts$|${tests}`,
    ),
    rule(
      "cli-uses-only-the-client",
      "It is a customer's program. Of the contract it knows only how a key is written.",
      "^packages/cli/src",
      {
        pathNot: "^packages/(cli/src|sdk/dist)/|^packages/contract/src/api-keys\\.ts$",
        dependencyTypesNot: ["core"],
      },
      tests,
    ),
    rule(
      "sdk-bindings-know-their-peers",
      "The entries for React and tRPC build on the entry `.`, and on what they bind it to.",
      "^packages/sdk/src/(react|trpc[^/]*)\\.ts$",
      {
        pathNot:
          "^packages/sdk/src|^packages/contract/src/[^/]*types\\.ts$|node_modules/((@types/)?react|@trpc/(client|server))/",
      },
    ),
    rule(
      "preview-engine-stands-alone",
      "It knows nothing of jobs, HTTP or Postgres.",
      "^packages/preview-engine/src",
      {
        path: "^(apps|examples)/|^packages/(contract|sdk)/",
      },
    ),
    rule(
      "api-never-imports-the-client",
      "The client depends on the API's contract, not the other way.",
      "^apps/api/(src|test)",
      {
        path: "^packages/sdk/",
      },
    ),
    rule(
      "drizzle-stays-in-repositories",
      "Only repositories and src/db speak SQL.",
      api,
      {
        path: "node_modules/(drizzle-orm|postgres|@electric-sql)/",
      },
      `${api}/db/|-repository\\.ts$|${tests}`,
    ),
    rule(
      "only-the-bucket-knows-the-aws-sdk",
      "Stores are behind one interface.",
      api,
      {
        path: "node_modules/@aws-sdk/",
      },
      `${api}/storage/r2-[^/]+\\.ts$|${tests}`,
    ),
    rule(
      "only-telemetry-knows-its-libraries",
      "Features tell what happens; how that is counted and traced is said in one place.",
      api,
      {
        path: "node_modules/(prom-client|@opentelemetry)/",
      },
      `${api}/telemetry/|${tests}`,
    ),
    rule(
      "features-know-no-http",
      "http -> trpc -> feature -> repository -> db.",
      `${api}/(jobs|uploads|usage|budget|api-keys|dispatch|engine|storage|media|retention|db)/`,
      {
        path: `${api}/http/|node_modules/fastify/`,
      },
      tests,
    ),
    rule(
      "trpc-knows-no-http",
      "http -> trpc -> feature -> repository -> db.",
      `${api}/trpc/`,
      { path: `${api}/http/` },
      tests,
    ),
    rule(
      "services-know-no-trpc",
      "Only the procedure files do.",
      `${api}/.*(service|repository|lifecycle|changes|view)\\.ts$`,
      {
        path: `${api}/trpc/|node_modules/@trpc/`,
      },
    ),
    rule(
      "repositories-are-private",
      "A feature calls another feature's service, never its repository.",
      `${api}/(jobs|uploads|usage|budget|api-keys|retention)/`,
      {
        path: `${api}/[^/]+/[^/]+-repository\\.ts$`,
        pathNot: `${api}/$1/`,
        dependencyTypesNot: ["type-only"],
      },
      tests,
    ),
    rule(
      "only-the-engine-knows-the-preview",
      "Engines are behind one interface.",
      api,
      {
        path: "^packages/preview-engine/",
      },
      `${api}/engine/`,
    ),
    rule(
      "no-test-code-in-production",
      "Tests import the product, not the other way.",
      "^(apps|packages)/[^/]+/src",
      {
        path: "^(apps|packages)/[^/]+/(test|bench)/",
      },
      tests,
    ),
    rule(
      "the-fake-runpod-is-for-tests",
      "It stands in for a paid service, in tests and in the demo.",
      "^(apps|packages)/[^/]+/src",
      {
        path: "^packages/fake-runpod/",
      },
      `^packages/fake-runpod/|${tests}`,
    ),
    rule("everything-resolves", "An import that leads nowhere.", "^(apps|packages|examples)/", {
      couldNotResolve: true,
    }),
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    // What imports the peers runs in a folder where they are installed.
    exclude: { path: "(^|/)(dist|coverage|out)/|^packages/sdk/bench/peers/clients/" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.base.json" },
    enhancedResolveOptions: {
      exportsFields: ["exports"],
      conditionNames: ["types", "import", "node", "default"],
    },
  },
};
