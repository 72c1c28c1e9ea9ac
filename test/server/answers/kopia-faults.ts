import { execFileSync } from "node:child_process"
import { cpSync, existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs"
import { relative } from "node:path"
import { fixture } from "../../support/fixtures.js"
import { type Damage, damages, filesBelow } from "../../support/damage.js"
import { SyntheticKopia } from "../../support/synthetic-kopia.js"
import { type Codes, corrupt, damaged, type Fault } from "./fault.js"
import { kopiaDocument, type Scene } from "./scene.js"

/** A fault that takes nothing away from the certainty that there is no backup. */
export interface Irrelevant extends Omit<Fault, "told"> {
  readonly because: string
}

const home = "kopia/home"
const offsite = "kopia/offsite"

function swapped(scene: Scene, path: string, from: string | undefined): void {
  rmSync(scene.path(path), { recursive: true })
  if (from !== undefined) scene.put(path, from)
}

/** An index blob that the newest listing rests on: the one there whose removal may not pass for a compaction. */
function liveIndex(scene: Scene, path: string, nth: number): string {
  const ids = scene.chain.catalog
    .views()
    .find(({ spec }) => spec.directory === scene.path(path))
    ?.generation?.header.marks.slice(1)
    .map((mark) => mark.slice(0, mark.indexOf(" ")))
  const live = new Set(ids)
  const idOf = (file: string) => relative(scene.path(path), file).replaceAll("/", "").replace(/\.f$/, "")
  const file = filesBelow(scene.path(path), /^[xn].*\.f$/)
    .filter((candidate) => live.has(idOf(candidate)))
    .at(nth)
  if (file === undefined) throw new Error("the repository has no such live index blob")
  return file
}

function liveIndexOr(scene: Scene, path: string, nth: number): string | undefined {
  try {
    return liveIndex(scene, path, nth)
  } catch {
    return undefined
  }
}

const index = /^x\/.*\.f$/
const format = /^kopia\.repository\.f$/
// Not "changed in one bit": what such a file said is remembered from when it was whole (see `harmless`).
const ofIndex: Codes = {
  removed: "index_lost",
  "made unreadable": "index_lost",
  emptied: "repository_corrupt",
  "cut short": "repository_corrupt",
}
const packGone: Codes = {
  removed: "repository_corrupt",
  emptied: "repository_corrupt",
  "made unreadable": "repository_corrupt",
}

export const kopiaFaults: readonly Fault[] = [
  ...damaged("the first index blob", home, index, ofIndex),
  ...damaged("an index blob in the middle", home, index, ofIndex, 45),
  ...damaged("the last index blob", home, index, ofIndex, -1),
  {
    what: "all index blobs are gone",
    told: "index_lost",
    inject: (scene) => {
      for (const file of filesBelow(scene.path(home), index)) rmSync(file)
    },
  },
  {
    what: "the folder of the index blobs is gone",
    told: "index_lost",
    inject: (scene) => {
      rmSync(scene.path(`${home}/x`), { recursive: true })
    },
  },
  {
    what: "the folder of the index blobs is a file",
    told: "index_lost",
    inject: (scene) => {
      rmSync(scene.path(`${home}/x`), { recursive: true })
      writeFileSync(scene.path(`${home}/x`), "")
    },
  },
  {
    what: "a folder among the index blobs cannot be read",
    told: "repository_unreadable",
    inject: (scene) => {
      const [file = ""] = filesBelow(scene.path(home), index)
      const folder = file.slice(0, file.lastIndexOf("/"))
      rmSync(folder, { recursive: true })
      symlinkSync("loop", folder)
      symlinkSync(folder, `${folder.slice(0, folder.lastIndexOf("/"))}/loop`)
    },
  },
  ...damaged("the format blob", home, format, { ...corrupt, "changed in one bit": "wrong_password" }),
  {
    what: "the format blob is another repository's",
    told: "wrong_password",
    inject: (scene) => {
      cpSync(`${fixture("kopia/format-3")}/kopia.repository.f`, scene.path(`${home}/kopia.repository.f`))
    },
  },
  ...damaged("the file .shards", home, /^\.shards$/, corrupt),
  {
    what: "the file .shards tells of other folders",
    told: "repository_corrupt",
    inject: (scene) => {
      writeFileSync(scene.path(`${home}/.shards`), '{"default":[2,2],"maxNonShardedLength":20}')
    },
  },
  ...damaged("a pack of manifests", home, /^q\//, packGone, 19),
  {
    what: "all packs of manifests are gone",
    told: "repository_corrupt",
    inject: (scene) => {
      rmSync(scene.path(`${home}/q`), { recursive: true })
    },
  },
  {
    what: "the place is empty",
    told: "repository_missing",
    inject: (scene) => {
      swapped(scene, home, undefined)
      mkdirSync(scene.path(home))
    },
  },
  {
    what: "the place is gone",
    told: "store_fenced",
    inject: (scene) => {
      swapped(scene, home, undefined)
    },
  },
  {
    what: "the place is a link that leads nowhere",
    told: "store_fenced",
    inject: (scene) => {
      swapped(scene, home, undefined)
      symlinkSync(scene.path("nowhere"), scene.path(home))
    },
  },
  {
    what: "the place is a file",
    told: "store_fenced",
    inject: (scene) => {
      swapped(scene, home, undefined)
      writeFileSync(scene.path(home), "")
    },
  },
  {
    what: "the place is a link to an empty directory",
    told: "store_fenced",
    inject: (scene) => {
      swapped(scene, home, undefined)
      mkdirSync(scene.path("elsewhere"))
      symlinkSync(scene.path("elsewhere"), scene.path(home))
    },
  },
  {
    what: "only .shards is left of the repository",
    told: "repository_missing",
    inject: (scene) => {
      renameSync(scene.path(`${home}/.shards`), scene.path("kept"))
      swapped(scene, home, undefined)
      mkdirSync(scene.path(home))
      renameSync(scene.path("kept"), scene.path(`${home}/.shards`))
    },
  },
  {
    what: "another repository lies in its place",
    told: "wrong_password",
    inject: (scene) => {
      swapped(scene, home, "kopia/many")
    },
  },
  {
    what: "a new repository with the same password and no snapshot lies in its place",
    told: "repository_changed",
    inject: (scene) => {
      swapped(scene, home, undefined)
      new SyntheticKopia(scene.path(home), {
        password: "cluster-shared-password",
        snapshots: 0,
        identities: 1,
        seed: "new",
      })
    },
  },
  {
    what: "the repository was rolled back by three backups",
    told: "index_lost",
    inject: (scene) => {
      for (const file of newest(scene.path(home), index, 3)) rmSync(file)
    },
  },
  {
    what: "the repository was rolled back, index blobs and packs alike",
    told: "index_lost",
    inject: (scene) => {
      for (const file of newest(scene.path(home), /^[xqp]\//, 12)) rmSync(file)
    },
  },
  {
    what: "a restic repository appears in it",
    told: "second_repository",
    inject: (scene) => {
      scene.put(`${home}/restic-data`, "restic/movers/media/radarr")
    },
  },
  {
    what: "a second Kopia repository appears in it",
    told: "second_repository",
    inject: (scene) => {
      scene.put(`${home}/another`, "kopia/format-3")
    },
  },
  {
    what: "the files of a restic repository are mixed into it",
    told: "second_repository",
    inject: (scene) => {
      execFileSync("cp", ["-a", `${fixture("restic/movers")}/media/radarr/.`, scene.path(home)])
    },
  },
  ...Object.entries(ofIndex).map(([damage, code]) => ({
    what: `an index blob of the guard is ${damage}`,
    told: code,
    inject: (scene: Scene) => {
      damages[damage as Damage](liveIndex(scene, offsite, -1))
    },
  })),
  ...damaged("the format blob of the guard", offsite, /^kop.*repository\.f$/, corrupt),
  {
    what: "the guard is gone",
    told: "store_fenced",
    inject: (scene) => {
      swapped(scene, offsite, undefined)
    },
  },
  {
    what: "another repository lies in the guard's place",
    told: "wrong_password",
    inject: (scene) => {
      swapped(scene, offsite, "kopia/many")
    },
  },
  {
    what: "a guard's repository of the volume appears",
    told: "only_under_guard",
    inject: (scene) => {
      scene.put("before/media/brand-new", "restic/movers/media/radarr")
    },
  },
  {
    what: "something that is no repository appears where a guard's would be",
    told: "repository_missing",
    inject: (scene) => {
      mkdirSync(scene.path("before/media/brand-new"), { recursive: true })
      writeFileSync(scene.path("before/media/brand-new/data"), "what is it?")
    },
  },
  {
    what: "a guard's repository with an unknown password appears",
    told: "wrong_password",
    inject: (scene) => {
      scene.put("before/media/brand-new", "restic/movers/media/sonarr")
    },
  },
  {
    what: "the conventions are changed to ones that match nothing",
    told: "similar_identity",
    inject: async (scene) => {
      await scene.chain.apply(
        kopiaDocument(scene.store, { conventions: ["{pvc}-x-{namespace}@cluster:/vol"] }),
      )
    },
  },
  {
    what: "the sentinel of the store is gone",
    told: "store_fenced",
    inject: (scene) => {
      rmSync(scene.path(".cistern"), { recursive: true })
    },
  },
  {
    what: "the store is another directory, with everything but the sentinel in it",
    told: "store_fenced",
    inject: (scene) => {
      const away = `${scene.store}-away`
      renameSync(scene.store, away)
      execFileSync("cp", ["-a", away, scene.store])
      rmSync(scene.path(".cistern"), { recursive: true })
      rmSync(away, { recursive: true })
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

/** Faults that take nothing from the certainty that the volume has no backup: the new volume stays fresh, the other restored. */
export const harmless: readonly Irrelevant[] = [
  {
    what: "an index blob changes in one bit behind our back",
    because:
      "what it said was read and authenticated when it was whole, and an index blob never changes rightly",
    inject: (scene) => {
      damages["changed in one bit"](liveIndex(scene, home, 3))
    },
  },
  {
    what: "the blob of storage settings is gone",
    because: "it says how long the storage locks blobs, and nothing of what they hold",
    inject: (scene) => {
      rmSync(scene.path(`${home}/kopia.blobcfg.f`))
    },
  },
  {
    what: "a pack is gone that holds directories only",
    because:
      "which snapshots there are stands in other packs; that one of them is damaged is a drill's finding",
    inject: (scene) => {
      const [pack = ""] = filesBelow(scene.path(home), /^q\//)
      rmSync(pack)
    },
  },
  {
    what: "an index blob that a compaction replaced is gone",
    because: "everything in it is in the one that replaced it",
    inject: (scene) => {
      const superseded = filesBelow(scene.path(offsite), /^n/).find((file) => {
        return ![0, 1, 2, 3].some((nth) => liveIndexOr(scene, offsite, nth) === file)
      })
      if (superseded === undefined) throw new Error("no index blob was replaced")
      rmSync(superseded)
    },
  },
  {
    what: "the output of a compaction is gone, and what it replaced is still there",
    because: "the index blobs that it was made from say the same",
    inject: (scene) => {
      rmSync(liveIndex(scene, offsite, 0))
    },
  },
  {
    what: "the wall clock was set back by a month",
    because: "the question is answered by a listing that begins after it, whatever the clock says",
    inject: (scene) => {
      scene.clock.wallOffset -= 30 * 24 * 3_600_000
    },
  },
  {
    what: "an editor and a file manager leave files beside the blobs",
    because: "no engine reads them",
    inject: (scene) => {
      writeFileSync(scene.path(`${home}/.DS_Store`), "droppings")
      writeFileSync(scene.path(`${home}/x/notes.txt~`), "droppings")
      mkdirSync(scene.path(`${home}/@eaDir`))
    },
  },
]

/** The files that were written last: what a rollback to an earlier moment takes away. */
function newest(directory: string, pattern: RegExp, count: number): string[] {
  const times = execFileSync("stat", ["-c", "%.Y %n", ...filesBelow(directory, pattern)], {
    encoding: "utf8",
  })
  return times
    .trim()
    .split("\n")
    .sort()
    .slice(-count)
    .map((line) => line.slice(line.indexOf(" ") + 1))
    .filter((file) => existsSync(file))
}
