import { type DsmClient, listConnections } from "../../nas/synology/index.js"
import { oneAddress } from "../clients/address.js"
import type { ToldClients } from "../clients/told.js"

/** Who is connected to DSM's NFS service now. It tells neither versions nor bytes, and times without a zone. Throws as DsmClient.call does. */
export async function synologyClients(dsm: DsmClient): Promise<ToldClients> {
  const connections = await listConnections(dsm)
  return {
    version4: [],
    remembered: [],
    sessions: connections
      .filter(({ protocol }) => /^nfs/i.test(protocol))
      .map(({ from, share }) => ({
        address: oneAddress(from),
        versions: [],
        isConnected: true,
        seenAt: undefined,
        folder: share,
        readBytes: undefined,
        writtenBytes: undefined,
      })),
    traffic: undefined,
  }
}
