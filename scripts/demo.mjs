// Lays out a small fleet of real repositories (from the test fixtures) below the state directory and writes the document
// that declares it. Prints the document's path; what to try goes to standard error. Run again, it starts anew.
import { execFileSync } from "node:child_process"
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, truncateSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join, resolve } from "node:path"

const state = resolve(process.argv[2] ?? ".cistern-demo")
const listen = process.argv[3] ?? "127.0.0.1:8080"
const fixtures = new URL("../test/fixtures/", import.meta.url).pathname
const store = join(state, "store")

rmSync(state, { recursive: true, force: true })
mkdirSync(store, { recursive: true, mode: 0o700 })
const unpacked = mkdtempSync(join(tmpdir(), "cistern-demo-"))
const fixture = (name) => {
  execFileSync("tar", ["-xzpf", join(fixtures, `${name}.tar.gz`), "-C", unpacked, "--no-same-owner"])
  return join(unpacked, name.slice(name.indexOf("/") + 1))
}
const place = (from, to) => cpSync(from, join(store, to), { recursive: true, preserveTimestamps: true })
const secret = (name, text) => {
  const file = join(state, `${name}.password`)
  writeFileSync(file, text, { mode: 0o600 })
  return file
}

const shared = fixture("kopia/cluster-shared")
const movers = fixture("restic/movers")
place(shared, "kopia/home")
place(shared, "kopia/damaged")
place(join(movers, "media/radarr"), "restic/legacy-media/radarr")
place(join(movers, "media/sonarr"), "restic/legacy-media/sonarr")
place(join(movers, "media/radarr"), "restic-locked")
place(join(movers, "home/home-assistant"), "restic-without-password/names-home/home-assistant")
place(join(movers, "databases/postgres"), "restic-before-the-move/databases/postgres")
rmSync(unpacked, { recursive: true, force: true })
truncateIndexBlob(join(store, "kopia/damaged"))

const kopia = secret("kopia", "cluster-shared-password")
const radarr = secret("radarr", "radarr-pw")
const wrong = secret("wrong", "not the password")

const document = {
  stores: [{ name: "demo", path: store, allowRoot: true }],
  clusters: [{ name: "home", networks: ["127.0.0.0/8", "::1/128"] }],
  repositories: [
    {
      name: "shared",
      cluster: "home",
      engine: "kopia",
      store: "demo",
      path: "kopia/home",
      password: { file: kopia },
      conventions: ["{pvc}@{namespace}:/data"],
      namespaces: ["*", "!legacy-*", "!names-*", "!damaged-*", "!locked-*", "!missing-*"],
      decides: "restore",
    },
    {
      name: "per-volume",
      cluster: "home",
      engine: "restic",
      store: "demo",
      path: "restic/{namespace}/{pvc}",
      password: { file: radarr },
      namespaces: ["legacy-*"],
      new: true,
      decides: "restore",
    },
    {
      name: "without-password",
      cluster: "home",
      engine: "restic",
      store: "demo",
      path: "restic-without-password/{namespace}/{pvc}",
      namespaces: ["names-*"],
      decides: "restore",
    },
    {
      name: "before-the-move",
      cluster: "home",
      engine: "restic",
      store: "demo",
      path: "restic-before-the-move/{namespace}/{pvc}",
      namespaces: ["databases"],
      decides: "guard",
      password: { value: "ends with a newline\n" },
      new: true,
    },
    {
      name: "damaged",
      cluster: "home",
      engine: "kopia",
      store: "demo",
      path: "kopia/damaged",
      password: { file: kopia },
      conventions: ["{pvc}@{namespace}:/data"],
      namespaces: ["damaged-*"],
      decides: "restore",
    },
    {
      name: "locked",
      cluster: "home",
      engine: "restic",
      store: "demo",
      path: "restic-locked",
      password: { file: wrong },
      namespaces: ["locked-*"],
      decides: "restore",
    },
    {
      name: "missing",
      cluster: "home",
      engine: "kopia",
      store: "demo",
      path: "kopia/missing",
      password: { file: kopia },
      conventions: ["{pvc}@{namespace}:/data"],
      namespaces: ["missing-*"],
      decides: "restore",
    },
  ],
}
const file = join(state, "cistern.json")
writeFileSync(file, JSON.stringify(document, undefined, 2), { mode: 0o600 })

const tries = [
  ["restore", "home/home-assistant", "a Kopia history with pins and tags"],
  ["restore", "legacy-media/radarr", "one restic repository for the volume"],
  ["restore", "names-home/home-assistant", "restic, without knowing its password"],
  ["fresh", "home/brand-new", "no snapshot anywhere, and that is certain"],
  ["fresh", "legacy-media/brand-new", "its repository does not exist, and is declared to be new"],
  ["unknown", "home/zigbee2mqtt", "the newest snapshot is an unfinished one"],
  ["unknown", "home/paperless", "there are only unfinished ones"],
  ["unknown", "home/my.app", "a dot was dropped: it shares its identity with home/myapp"],
  ["unknown", "databases/postgres-16", "it was backed up under another path"],
  ["unknown", "databases/postgres", "it lies only in the repository from before the move"],
  ["unknown", "names-home/brand-new", "absence cannot be proven without the password"],
  ["unknown", "legacy-media/sonarr", "the password is wrong there"],
  ["unknown", "locked-x/data", "the password is wrong"],
  ["unknown", "damaged-x/data", "an index file was cut short"],
  ["unknown", "missing-x/data", "no repository where one is declared"],
]
const lines = tries.map(
  ([decision, volume, why]) =>
    `  ${decision.padEnd(8)} curl -s '${`http://${listen}/exists/${volume}?evidence=1`}'\n           # ${why}`,
)
console.error(
  `\nA demo fleet of real repositories is in ${state}. When the daemon listens, try:\n\n${lines.join("\n")}\n`,
)
console.error("  all at once: CISTERN_STATE=" + state + " ./scripts/cistern volumes\n")
console.log(file)

function truncateIndexBlob(repository) {
  const blob = readdirSync(join(repository, "x"), { recursive: true, withFileTypes: true }).find((entry) =>
    entry.isFile(),
  )
  truncateSync(join(blob.parentPath, blob.name), 100)
}
