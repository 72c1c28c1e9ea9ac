import { execFileSync } from "node:child_process"
import { mkdirSync } from "node:fs"
import { dirname, join } from "node:path"
import { lentByDropIn } from "../../../server/administration/index.js"
import { readDropIn } from "../../../server/config/index.js"
import { Chain, type ChainOptions, SettableClock } from "../../support/answers.js"
import { expectedOf, fixture, scratch } from "../../support/fixtures.js"

/** A store with repositories of the real programs, a state directory, and the daemon's insides between them. */
export class Scene {
  readonly store = scratch()
  readonly state = scratch()
  readonly clock = new SettableClock()
  #chain: Chain | undefined

  constructor(repositories: Readonly<Record<string, string>>) {
    for (const [path, from] of Object.entries(repositories)) this.put(path, from)
    // The fixtures were written today by their own account; a day later no session in them looks alive.
    this.clock.wallOffset = 24 * 3_600_000
  }

  get chain(): Chain {
    if (this.#chain === undefined) throw new Error("the scene was not started")
    return this.#chain
  }

  path(relative: string): string {
    return join(this.store, relative)
  }

  /** Copies a fixture, or a folder of one such as `restic/movers/media/radarr`, to a path of the store. */
  put(path: string, from: string): void {
    const target = this.path(path)
    mkdirSync(dirname(target), { recursive: true })
    const [engine = "", name = "", ...below] = from.split("/")
    // cp -a, because Node keeps times to the millisecond only and Kopia reads them to the nanosecond.
    execFileSync("cp", ["-a", join(fixture(`${engine}/${name}`), ...below), target])
  }

  /** Starts on the state that is there; a second call is a restart. */
  async start(options: Partial<ChainOptions> = {}): Promise<Chain> {
    await this.stop()
    this.#chain = new Chain({ state: this.state, clock: this.clock, ...options })
    return this.#chain
  }

  async stop(): Promise<void> {
    await this.#chain?.stop()
    this.#chain = undefined
  }
}

export const ABSENT = "media/brand-new"
export const PRESENT = "media/jellyfin-config"

export function passwordOf(fixtureName: string): { value: string } {
  return { value: String(expectedOf(fixtureName).password) }
}

/** One store with one Kopia repository at `kopia`, which decides; what differs is given. */
export function madeUpDocument(
  store: string,
  shared: Readonly<Record<string, unknown>> = {},
  ...more: readonly object[]
): object {
  return {
    stores: [{ name: "nas", path: store, allowRoot: true }],
    clusters: [{ name: "home", networks: ["10.0.0.0/8"] }],
    repositories: [
      {
        name: "shared",
        cluster: "home",
        engine: "kopia",
        store: "nas",
        path: "kopia",
        password: { value: "pw" },
        conventions: ["{pvc}@{namespace}:/data"],
        decides: "restore",
        ...shared,
      },
      ...more,
    ],
  }
}

/** One shared Kopia repository that decides, one that guards, and a tree of restic ones from before the move that guards. */
export function kopiaDocument(store: string, more: { conventions?: readonly string[] } = {}): object {
  return {
    stores: [{ name: "nas", path: store, allowRoot: true }],
    clusters: [{ name: "home", networks: ["10.0.0.0/8"] }],
    repositories: [
      {
        name: "shared",
        cluster: "home",
        engine: "kopia",
        store: "nas",
        path: "kopia/home",
        password: passwordOf("kopia/cluster-shared"),
        conventions: more.conventions ?? ["{pvc}@{namespace}:/data"],
        decides: "restore",
      },
      {
        name: "offsite",
        cluster: "home",
        engine: "kopia",
        store: "nas",
        path: "kopia/offsite",
        password: passwordOf("kopia/format-1"),
        conventions: ["{pvc}@{namespace}:/data"],
        decides: "guard",
      },
      {
        name: "before",
        cluster: "home",
        engine: "restic",
        store: "nas",
        path: "before/{namespace}/{pvc}",
        password: { value: "radarr-pw" },
        decides: "guard",
        new: true,
      },
    ],
  }
}

export function kopiaScene(): Scene {
  return new Scene({ "kopia/home": "kopia/cluster-shared", "kopia/offsite": "kopia/format-1" })
}

export interface ResticChoices {
  readonly homePassword?: string | undefined
  readonly new?: boolean
  readonly path?: string
}

/** One restic repository for each volume, in two trees: one whose places may be new, one whose repositories exist. */
export function resticDocument(store: string, choices: ResticChoices = {}): object {
  const homePassword = "homePassword" in choices ? choices.homePassword : "nothing yet"
  const common = { cluster: "home", engine: "restic", store: "nas", decides: "restore" }
  return {
    stores: [{ name: "nas", path: store, allowRoot: true }],
    clusters: [{ name: "home", networks: ["10.0.0.0/8"] }],
    repositories: [
      {
        ...common,
        name: "media",
        path: choices.path ?? "restic/{namespace}/{pvc}",
        password: { value: "radarr-pw" },
        namespaces: ["media"],
        new: choices.new ?? true,
      },
      {
        ...common,
        name: "home",
        path: "home/{namespace}/{pvc}",
        ...(homePassword === undefined ? {} : { password: { value: homePassword } }),
        namespaces: ["home"],
      },
    ],
  }
}

export function resticScene(): Scene {
  return new Scene({
    "restic/media/radarr": "restic/movers/media/radarr",
    "home/home/initialised-only": "restic/movers/home/initialised-only",
  })
}

/** The scene's Kopia repository as pvc-plumber's variables declare it. */
export function lentOptions(scene: Scene): Partial<ChainOptions> {
  const dropIn = readDropIn({
    BACKEND_TYPE: "kopia-fs",
    KOPIA_REPOSITORY_PATH: scene.path("kopia/home"),
    KOPIA_PASSWORD: passwordOf("kopia/cluster-shared").value,
  })
  if (dropIn?.backend !== "kopia-fs") throw new Error("these variables declare a directory")
  return { lent: lentByDropIn(dropIn) }
}
