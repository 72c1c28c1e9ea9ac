import {
  nfs3Clients,
  type Nfs4Client,
  nfs4Clients,
  type TrueNasApi,
  withPatience,
} from "../../nas/truenas/index.js"
import { addressWithoutPort, oneAddress } from "../clients/address.js"
import { type ClientInfo, statusOf } from "../clients/client-info.js"
import { type ClientState, kindOf, superblockOf } from "../clients/client-states.js"
import type { ToldClients } from "../clients/told.js"

/** What people look at is not worth a longer wait. */
const PATIENCE_MS = 10_000

/** Who is connected to a TrueNAS: what its kernel tells, as its API hands it on. Throws as TrueNasApi.call does. */
export async function trueNasClients(trueNas: TrueNasApi): Promise<ToldClients> {
  const api = withPatience(trueNas, PATIENCE_MS)
  const [four, three] = [await nfs4Clients(api), await nfs3Clients(api)]
  return {
    version4: four.map((client) => ({ ...infoOf(client), states: client.states.map(stateOf) })),
    remembered: three.map(({ address, path }) => ({ client: oneAddress(address), path })),
    sessions: [],
    traffic: undefined,
  }
}

function infoOf(client: Nfs4Client): ClientInfo {
  return {
    address: addressWithoutPort(client.address),
    name: client.name,
    status: statusOf(client.status),
    version: client.minorVersion === undefined ? "4" : `4.${client.minorVersion}`,
    secondsSinceRenew: client.secondsSinceRenew,
    implementation: client.implementation,
  }
}

function stateOf({ type, access, superblock, filename }: Nfs4Client["states"][number]): ClientState {
  return {
    kind: kindOf(type),
    writes: access?.includes("w") === true,
    ...superblockOf(superblock ?? ""),
    file: filename,
  }
}
