import type { DaemonProcess } from "../../support/daemon.js"

export const LIMIT_MS = 60_000

export interface Daemons {
  /** In pvc-plumber's place. */
  lent: DaemonProcess
  /** With a document: Kopia and restic on the NFS store, one volume on a local one. */
  readonly declared: DaemonProcess
}

/** Waits until all is well, and says how long each part of it took to be. */
export async function known({ lent, declared }: Daemons): Promise<Record<string, number>> {
  const asked = performance.now()
  const milliseconds: Record<string, number> = {}
  for (const [daemon, volume, wanted] of [
    [lent, "ns-0/app-0", "restore"],
    [declared, "per-volume/known", "restore"],
    [lent, "new/nothing-yet", "fresh"],
    [declared, "per-volume/nothing-yet", "fresh"],
  ] as const) {
    await daemon.answers(volume, wanted, LIMIT_MS)
    milliseconds[volume] = Math.round(performance.now() - asked)
  }
  return milliseconds
}

export async function ask(daemon: DaemonProcess, volume: string): Promise<object> {
  const { decision, reason, error, milliseconds } = await daemon.exists(volume)
  return { decision, reason, error, milliseconds: Math.round(milliseconds) }
}
