import {
  appendFileSync,
  cpSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs"
import { basename, dirname, join } from "node:path"
import { damages, filesBelow } from "../../support/damage.js"
import { fixture } from "../../support/fixtures.js"
import { SyntheticRestic } from "../../support/synthetic-restic.js"
import { corrupt, damaged, type Fault } from "./fault.js"
import { resticDocument, type Scene } from "./scene.js"

function emptied(scene: Scene, path: string): void {
  for (const file of filesBelow(scene.path(path), /./)) rmSync(file)
}

/** Faults of `media/radarr`, which has five snapshots and is restored. It may be anything but fresh. */
export function backedUpFaults(newestSnapshot: (scene: Scene) => string): readonly Fault[] {
  const radarr = "restic/media/radarr"
  return [
    ...damaged("config", radarr, /^config$/, corrupt),
    ...damaged("the only key", radarr, /^keys\//, corrupt),
    ...(["removed", "made unreadable", "emptied", "cut short"] as const).map((damage): Fault => ({
      what: `the newest snapshot is ${damage}`,
      told: damage === "removed" ? "newest_known_gone" : "repository_corrupt",
      inject: (scene) => {
        damages[damage](newestSnapshot(scene))
      },
    })),
    {
      what: "the newest snapshot has another name",
      told: "repository_corrupt",
      inject: (scene) => {
        const file = newestSnapshot(scene)
        renameSync(file, join(dirname(file), basename(file).split("").reverse().join("")))
      },
    },
    {
      what: "all snapshots are gone",
      told: "newest_known_gone",
      inject: (scene) => {
        emptied(scene, `${radarr}/snapshots`)
      },
    },
    ...["snapshots", "keys", "data"].map((folder): Fault => ({
      what: `the folder ${folder} is gone`,
      told: "repository_corrupt",
      inject: (scene) => {
        rmSync(scene.path(`${radarr}/${folder}`), { recursive: true })
      },
    })),
    {
      what: "the folder index is gone",
      told: "index_lost",
      inject: (scene) => {
        rmSync(scene.path(`${radarr}/index`), { recursive: true })
      },
    },
    {
      what: "the folder snapshots is a file",
      told: "repository_corrupt",
      inject: (scene) => {
        rmSync(scene.path(`${radarr}/snapshots`), { recursive: true })
        writeFileSync(scene.path(`${radarr}/snapshots`), "")
      },
    },
    {
      what: "config is another repository's",
      told: "repository_corrupt",
      inject: (scene) => {
        cpSync(join(fixture("restic/movers"), "media/sonarr/config"), scene.path(`${radarr}/config`))
      },
    },
    {
      what: "the place is empty",
      told: "repository_missing",
      inject: (scene) => {
        rmSync(scene.path(radarr), { recursive: true })
        mkdirSync(scene.path(radarr))
      },
    },
    {
      what: "the place is gone",
      told: "store_fenced",
      inject: (scene) => {
        rmSync(scene.path(radarr), { recursive: true })
      },
    },
    {
      what: "the folder of all repositories is gone",
      told: "store_fenced",
      inject: (scene) => {
        rmSync(scene.path("restic"), { recursive: true })
      },
    },
    {
      what: "another repository with another password lies in its place",
      told: "wrong_password",
      inject: (scene) => {
        rmSync(scene.path(radarr), { recursive: true })
        scene.put(radarr, "restic/movers/media/sonarr")
      },
    },
    {
      what: "a new repository with the same password lies in its place",
      told: "repository_changed",
      inject: (scene) => {
        rmSync(scene.path(radarr), { recursive: true })
        new SyntheticRestic(scene.path(radarr), { password: "radarr-pw", snapshots: 0 })
      },
    },
    {
      what: "a second repository lies in it",
      told: "second_repository",
      inject: (scene) => {
        scene.put(`${radarr}/restic-repo`, "restic/movers/media/sonarr")
      },
    },
    {
      what: "the sentinel of the store is gone",
      told: "store_fenced",
      inject: (scene) => {
        rmSync(scene.path(".cistern"), { recursive: true })
      },
    },
  ]
}

/** Faults of `home/initialised-only`, a repository without snapshots: fresh as long as nothing is odd about it. */
export const initialisedFaults: readonly Fault[] = [
  ...damaged("config", "home/home/initialised-only", /^config$/, corrupt),
  ...damaged("the only key", "home/home/initialised-only", /^keys\//, corrupt),
  ...["snapshots", "keys"].map((folder): Fault => ({
    what: `the folder ${folder} is gone`,
    told: "repository_corrupt",
    inject: (scene) => {
      rmSync(scene.path(`home/home/initialised-only/${folder}`), { recursive: true })
    },
  })),
  {
    what: "a snapshot arrives cut short",
    told: "index_lost",
    inject: (scene) => {
      const [snapshot = ""] = filesBelow(join(fixture("restic/movers"), "media/radarr/snapshots"), /./)
      const target = scene.path(`home/home/initialised-only/snapshots/${basename(snapshot)}`)
      cpSync(snapshot, target)
      truncateSync(target, 100)
    },
  },
  {
    what: "a snapshot of another repository arrives",
    told: "index_lost",
    inject: (scene) => {
      const [snapshot = ""] = filesBelow(join(fixture("restic/movers"), "media/radarr/snapshots"), /./)
      cpSync(snapshot, scene.path(`home/home/initialised-only/snapshots/${basename(snapshot)}`))
    },
  },
  {
    what: "a young lock that nobody can read appears",
    told: "backup_running",
    inject: (scene) => {
      const lock = scene.path(`home/home/initialised-only/locks/${"ab".repeat(32)}`)
      scene.clock.wallOffset = 0
      writeFileSync(lock, "scrambled")
    },
  },
  {
    what: "the place is gone",
    told: "store_fenced",
    inject: (scene) => {
      rmSync(scene.path("home/home/initialised-only"), { recursive: true })
    },
  },
  {
    what: "the place is empty",
    told: "repository_missing",
    inject: (scene) => {
      rmSync(scene.path("home/home/initialised-only"), { recursive: true })
      mkdirSync(scene.path("home/home/initialised-only"))
    },
  },
  {
    what: "its password is changed to another",
    told: "wrong_password",
    inject: (scene) => scene.chain.apply(resticDocument(scene.store, { homePassword: "another" })),
  },
  {
    what: "its password is not known any more",
    told: "password_missing",
    inject: (scene) => scene.chain.apply(resticDocument(scene.store, { homePassword: undefined })),
  },
]

/** Faults of `media/brand-new`, whose repository does not exist and was declared to be new. */
export const firstBackupFaults: readonly Fault[] = [
  ...[".shards", "data", ".cistern", "@eaDir2"].map((name): Fault => ({
    what: `a file ${name} is in its place`,
    told: "repository_missing",
    inject: (scene) => {
      mkdirSync(scene.path("restic/media/brand-new"))
      writeFileSync(scene.path(`restic/media/brand-new/${name}`), "")
    },
  })),
  {
    what: "a file config is in its place",
    told: "repository_corrupt",
    inject: (scene) => {
      mkdirSync(scene.path("restic/media/brand-new"))
      writeFileSync(scene.path("restic/media/brand-new/config"), "")
    },
  },
  {
    what: "the folder of its namespace is a link that leads nowhere",
    told: "repository_missing",
    inject: (scene) => {
      rmSync(scene.path("restic/media"), { recursive: true })
      symlinkSync(scene.path("nowhere"), scene.path("restic/media"))
    },
  },
  {
    what: "the folders of an init that was stopped are in its place",
    told: "repository_missing",
    inject: (scene) => {
      for (const folder of ["data", "index", "keys", "locks", "snapshots"])
        mkdirSync(scene.path(`restic/media/brand-new/${folder}`), { recursive: true })
    },
  },
  {
    what: "a link that leads nowhere is in its place",
    told: "repository_missing",
    inject: (scene) => {
      symlinkSync(scene.path("nowhere"), scene.path("restic/media/brand-new"))
    },
  },
  {
    what: "a file is in its place",
    told: "repository_unreadable",
    inject: (scene) => {
      writeFileSync(scene.path("restic/media/brand-new"), "")
    },
  },
  {
    what: "a Kopia repository is in its place",
    told: "repository_missing",
    inject: (scene) => {
      scene.put("restic/media/brand-new", "kopia/format-3")
    },
  },
  {
    what: "a repository with another password is in its place",
    told: "wrong_password",
    inject: (scene) => {
      scene.put("restic/media/brand-new", "restic/movers/media/sonarr")
    },
  },
  {
    what: "a repository was seen there and is gone",
    told: "store_fenced",
    inject: async (scene) => {
      scene.put("restic/media/brand-new", "restic/movers/media/radarr")
      await scene.chain.verdict("media/brand-new")
      rmSync(scene.path("restic/media/brand-new"), { recursive: true })
    },
  },
  {
    what: "the folder of its namespace is a file",
    told: "repository_unreadable",
    inject: (scene) => {
      rmSync(scene.path("restic/media"), { recursive: true })
      writeFileSync(scene.path("restic/media"), "")
    },
  },
  {
    what: "the repository is not declared to be new any more",
    told: "repository_missing",
    inject: (scene) => scene.chain.apply(resticDocument(scene.store, { new: false })),
  },
  {
    what: "the path in the document is another one",
    told: "repository_missing",
    inject: (scene) =>
      scene.chain.apply(resticDocument(scene.store, { new: false, path: "wrong/{namespace}/{pvc}" })),
  },
  {
    what: "the sentinel of the store is gone",
    told: "store_fenced",
    inject: (scene) => {
      rmSync(scene.path(".cistern"), { recursive: true })
    },
  },
  {
    what: "the sentinel of the store is another store's",
    told: "store_fenced",
    inject: (scene) => {
      for (const file of filesBelow(scene.path(".cistern"), /./)) appendFileSync(file, "x")
    },
  },
  {
    what: "the store is gone",
    told: "store_fenced",
    inject: (scene) => {
      rmSync(scene.store, { recursive: true })
    },
  },
]
