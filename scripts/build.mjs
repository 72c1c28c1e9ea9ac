// Bundles server/ and storage/ to dist/, or to the folder that is named, and puts the files beside it that are read at run
// time. One file loads twice as fast as the hundreds that it is made of. Types are checked elsewhere (`npm run check`).
import { cpSync } from "node:fs"
import { join, resolve } from "node:path"
import { fileURLToPath } from "node:url"
import { build } from "rolldown"

const target = resolve(process.argv[2] ?? fileURLToPath(new URL("../dist", import.meta.url)))
process.chdir(fileURLToPath(new URL("..", import.meta.url)))
await build({
  input: {
    cistern: "server/cli/main.ts",
    "store-worker": "server/catalog/store-worker.ts",
    "scrub-run": "server/reading/scrub/scrub-run.ts",
    "browse-worker": "server/reading/browse/browse-worker.ts",
    "scrub-worker": "storage/scrub/scrub-worker.ts",
    "anomalies-worker": "server/reading/anomalies/anomalies-worker.ts",
    "drill-worker": "server/reading/drill/drill-worker.ts",
    "verify-run": "server/reading/verify/verify-run.ts",
    "verify-worker": "storage/verify/verify-worker.ts",
  },
  platform: "node",
  tsconfig: "tsconfig.json",
  output: {
    dir: target,
    cleanDir: true,
    entryFileNames: "[name].js",
    chunkFileNames: "[name]-[hash].js",
    sourcemap: true,
  },
})
cpSync("server/cli/cistern.sh", join(target, "cistern"))
cpSync("server/db/migrations", join(target, "migrations"), { recursive: true })
