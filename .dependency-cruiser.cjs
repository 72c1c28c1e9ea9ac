// The house rules of CONTRIBUTING.md ("The house"): dependence points one way, and the build checks it.
/** @type {import("dependency-cruiser").IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: "no-circles",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "storage-stands-alone",
      comment: "storage knows bytes and the box: nothing of the server, the pages or the scripts",
      severity: "error",
      from: { path: "^storage/" },
      to: { path: "^(server|ui|scripts|spk|deploy|test)/" },
    },
    {
      name: "storage-no-server-libraries",
      comment: "no HTTP, no SQLite, no cron, no command line below storage",
      severity: "error",
      from: { path: "^storage/" },
      to: {
        path: "node_modules/(express|node-cron|better-sqlite3(-napi)?|commander|pino|prom-client|yaml)/",
      },
    },
    {
      name: "only-nas-talks-to-systems",
      comment:
        "a NAS system's own interface is a socket to it and schemas of its answers; nothing else in storage needs them",
      severity: "error",
      from: { path: "^storage/", pathNot: "^storage/nas/" },
      to: { path: "node_modules/(ws|zod)/" },
    },
    {
      name: "only-host-starts-processes",
      severity: "error",
      from: { path: "^(storage|server)/", pathNot: "^storage/host/" },
      to: { path: "^(node:)?(child_process|cluster)$|node_modules/(execa|systeminformation)/" },
    },
    {
      name: "only-host-calls-the-c-library",
      comment:
        "a call with a wrong shape ends the process: few, in one place, each tried against the real thing",
      severity: "error",
      from: { path: "^(storage|server)/", pathNot: "^storage/host/" },
      to: { path: "node_modules/(koffi|@koromix)/" },
    },
    {
      name: "engines-do-not-know-each-other",
      severity: "error",
      from: { path: "^storage/(kopia|restic|copies)/" },
      to: { path: "^storage/(kopia|restic|copies)/", pathNot: "^storage/$1/" },
    },
    {
      name: "nas-systems-do-not-know-each-other",
      severity: "error",
      from: { path: "^storage/nas/([^/]+)/" },
      to: { path: "^storage/nas/[^/]+/", pathNot: "^storage/nas/$1/" },
    },
    {
      name: "rooms-have-doors",
      comment:
        "the server enters a room of storage by its index.ts, never by a window; each NAS system is a room",
      severity: "error",
      from: { path: "^server/" },
      to: { path: "^storage/[^/]+/", pathNot: "^storage/(nas/)?[^/]+/index\\.ts$" },
    },
    {
      name: "server-imports-no-pages",
      severity: "error",
      from: { path: "^server/" },
      to: { path: "^(ui|scripts|spk|deploy|test)/" },
    },
    {
      name: "only-main-knows-all-parts",
      comment: "main.ts is the entry; nothing but the serve command may import it",
      severity: "error",
      from: { path: "^server/", pathNot: "^server/cli/serve\\.ts$" },
      to: { path: "^server/main\\.ts$" },
    },
    {
      name: "only-main-puts-together",
      comment: "server/daemon/ knows every part of the daemon without its doors; no part knows it",
      severity: "error",
      from: { path: "^server/", pathNot: "^server/(daemon/|main\\.ts$)" },
      to: { path: "^server/daemon/" },
    },
    {
      name: "no-unknown-dependencies",
      severity: "error",
      from: { path: "^(storage|server)/" },
      to: { dependencyTypes: ["npm-dev", "npm-no-pkg", "unknown", "undetermined"] },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    enhancedResolveOptions: {
      extensions: [".ts", ".js", ".json"],
      exportsFields: ["exports"],
      conditionNames: ["import", "node", "default"],
    },
  },
}
