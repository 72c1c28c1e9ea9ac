import { DsmClient, type DsmClientOptions, parseDsmAddress } from "../../storage/nas/synology/index.js"
import { Secret } from "../../storage/secret.js"
import type { FakeDsm } from "./fake-dsm.js"

/** A clock that nobody waits for: whoever waits moves it. */
export class QuickClock {
  ms = Date.UTC(2026, 0, 2)
  readonly waits: number[] = []
  onWait: (milliseconds: number) => void = () => undefined

  readonly now = (): number => this.ms

  readonly wait = (milliseconds: number): Promise<void> => {
    this.ms += milliseconds
    this.waits.push(milliseconds)
    this.onWait(milliseconds)
    return Promise.resolve()
  }
}

export interface ClientChoices extends Partial<Pick<DsmClientOptions, "logins" | "limitMs">> {
  readonly clock?: QuickClock
  readonly name?: string
  readonly password?: string
  readonly revision?: string
}

/** A client of a fake DSM, with the right password unless another one is given, that waits for nothing. */
export function clientOf(dsm: FakeDsm, choices: ClientChoices = {}): DsmClient {
  const { name = "cistern", revision = "first", clock = new QuickClock(), logins, limitMs } = choices
  const password = choices.password ?? dsm.accounts.get(name)?.password ?? ""
  return new DsmClient({
    ...(logins !== undefined && { logins }),
    ...(limitMs !== undefined && { limitMs }),
    address: parseDsmAddress(dsm.url, dsm.url.startsWith("https") ? dsm.fingerprint : undefined),
    account: { name, password: new Secret(password), revision },
    wait: clock.wait,
    now: clock.now,
  })
}
