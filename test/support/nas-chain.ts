import { afterEach } from "vitest"
import { nfsServerMaker } from "../../server/administration/exports/nfs-servers.js"
import { Secret } from "../../storage/secret.js"
import { Chain, type ChainOptions, SettableClock } from "./answers.js"
import type { FakeDsm } from "./fake-dsm.js"
import type { FakeTrueNas } from "./fake-truenas.js"
import { scratch } from "./fixtures.js"

const chains: NasChain[] = []

afterEach(async () => {
  for (const chain of chains.splice(0)) await chain.end()
})

/** A daemon whose document names this NAS system, and one store below `place`, which clients of 10.20.0.0/16 may mount. */
export async function nasChain(
  nas: FakeTrueNas | FakeDsm,
  place: string,
  options: Partial<ChainOptions> = {},
): Promise<NasChain> {
  const isTrueNas = "state" in nas
  const secret = { text: isTrueNas ? nas.key : (nas.accounts.get("cistern")?.password ?? "") }
  const state = scratch()
  const clock = new SettableClock()
  const makeNfsServer = nfsServerMaker({
    owner: "0123456789abcdef",
    stateDirectory: state,
    resolve: () => {
      if (secret.text === "") throw new Error("/run/secrets/nas cannot be read")
      return new Secret(secret.text)
    },
    log: { warn: () => undefined },
  })
  const chain = new NasChain({ state, clock, makeNfsServer, ...options }, clock, secret)
  chains.push(chain)
  await chain.apply({
    stores: [{ name: "nas", path: place, allowRoot: true }],
    clusters: [{ name: "home", networks: ["10.20.0.0/16"] }],
    nfsServer: {
      kind: isTrueNas ? "truenas" : "synology",
      url: nas.url,
      user: isTrueNas ? nas.user : "cistern",
      secret: { env: "NAS_SECRET" },
      fingerprint: nas.fingerprint,
    },
  })
  return chain
}

export class NasChain extends Chain {
  override readonly clock: SettableClock
  /** Of the account; "" where it cannot be read. */
  readonly secret: { text: string }

  constructor(options: ChainOptions, clock: SettableClock, secret: { text: string }) {
    super(options)
    this.clock = clock
    this.secret = secret
  }

  async end(): Promise<void> {
    await this.administration.exportKeeper.stop()
    await this.stop()
  }
}
