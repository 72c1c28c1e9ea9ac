import { writeFileSync } from "node:fs"
import { join } from "node:path"
import { type DaemonProcess, type ExistsBody, startDaemon } from "../../support/daemon.js"
import { scratch } from "../../support/fixtures.js"
import { type Network, newNetwork } from "../../support/networks.js"
import { until } from "../../support/until.js"
import { perVolumeRestic, place, SHARED_PASSWORD, sharedKopia } from "../fleet.js"

// A NAS and two clusters, each on a network of its own with a cable to the NAS. The home cluster's movers share one Kopia
// repository, the away cluster's have a restic repository for each volume; the real programs wrote both.

export type ClusterName = "home" | "away"

export interface Site {
  readonly daemon: DaemonProcess
  readonly networks: Readonly<Record<ClusterName, Network>>
  /** The file with the password of the home cluster's repository. */
  readonly kopiaPassword: string
  /** Where the cluster finds the NAS, such as http://192.0.2.1:8080. */
  url(cluster: ClusterName): string
  /** Waits until a cluster would be told `wanted`, a decision or the reason for `unknown`, and gives the body. */
  told(cluster: ClusterName, volume: string, wanted: string): Promise<ExistsBody>
}

/** By what the daemon knows which cluster asks; nothing where the path says it. */
export interface ClusterEvidence {
  readonly networks?: readonly string[]
  readonly tokens?: readonly { readonly value: string }[]
}

const NAS = { home: "192.0.2.1", away: "198.51.100.1" }
const CALLERS = { home: "192.0.2.2", away: "198.51.100.2" }

/** Every address of a cluster's network. */
export const cidr = { home: "192.0.2.0/24", away: "198.51.100.0/24" }

/** Puts both clusters' repositories into a store's directory. */
export function fillStore(store: string): { kopia: string } {
  place("restic/movers", join(store, "restic"))
  return { kopia: place("kopia/cluster-shared", join(store, "kopia")) }
}

export async function newSite(
  store: string,
  evidence: Readonly<Record<ClusterName, ClusterEvidence>>,
): Promise<Site> {
  const { nas, networks } = await cabled()
  const kopiaPassword = join(scratch(), "kopia-password")
  writeFileSync(kopiaPassword, SHARED_PASSWORD)
  const daemon = await startDaemon({
    document: documentOf(store, evidence, kopiaPassword),
    environment: { CISTERN_LISTEN: "0.0.0.0:0" },
    within: nas.enter,
  })
  return {
    daemon,
    networks,
    kopiaPassword,
    url: (cluster) => `http://${NAS[cluster]}:${daemon.port}`,
    told: (cluster, volume, wanted) => told(daemon, `/clusters/${cluster}/exists/${volume}`, wanted),
  }
}

/** The daemon in pvc-plumber's place, with its variables alone, reached from the home cluster's network. */
export async function plumbersSite(
  repository: string,
): Promise<Pick<Site, "daemon" | "networks" | "told" | "url">> {
  const { nas, networks } = await cabled()
  const environment = {
    BACKEND_TYPE: "kopia-fs",
    KOPIA_REPOSITORY_PATH: repository,
    KOPIA_PASSWORD: SHARED_PASSWORD,
    PORT: "0",
    CISTERN_LISTEN: "",
  }
  const daemon = await startDaemon({ environment, within: nas.enter })
  return {
    daemon,
    networks,
    url: (cluster) => `http://${NAS[cluster]}:${daemon.port}`,
    told: (_, volume, wanted) => told(daemon, `/exists/${volume}`, wanted),
  }
}

async function cabled(): Promise<{ nas: Network; networks: Record<ClusterName, Network> }> {
  const [nas, home, away] = [await newNetwork(), await newNetwork(), await newNetwork()]
  nas.connect(`${NAS.home}/24`, home, `${CALLERS.home}/24`)
  nas.connect(`${NAS.away}/24`, away, `${CALLERS.away}/24`)
  return { nas, networks: { home, away } }
}

/** Asks over the administrator's socket, which is reached from every network. */
function told(daemon: DaemonProcess, path: string, wanted: string): Promise<ExistsBody> {
  return until(
    async () => JSON.parse((await daemon.admin("GET", path)).body) as ExistsBody,
    ({ decision, error }) => wanted === decision || wanted === error?.split(":")[0],
    `${path} to be ${wanted}`,
  )
}

function documentOf(
  store: string,
  clusters: Readonly<Record<ClusterName, ClusterEvidence>>,
  kopiaPassword: string,
): object {
  const home = { ...sharedKopia, password: { file: kopiaPassword } }
  return {
    stores: [{ name: "tank", path: store, allowRoot: true }],
    clusters: Object.entries(clusters).map(([name, evidence]) => ({ name, ...evidence })),
    repositories: [
      { ...home, cluster: "home", store: "tank", decides: "restore" },
      { ...perVolumeRestic, new: true, cluster: "away", store: "tank", decides: "restore" },
    ],
  }
}
