import { type Administering, putAdministrationTogether } from "./administering.js"
import { type Answering, putAnsweringTogether } from "./answering.js"
import type { Kept } from "./kept.js"
import type { Surroundings } from "./surroundings.js"

/** The daemon without its doors. Nothing of it runs yet but what `declare` asks for. */
export type DaemonCore = Kept & Answering & Administering

/** Everything between what is kept, the stores' files and an answer. */
export function putTogether(kept: Kept, surroundings: Surroundings): DaemonCore {
  const answering = putAnsweringTogether(kept, surroundings, (cluster, volume, decision) => {
    administering.administration.directories.firstFresh.note(cluster, volume, decision)
  })
  const administering: Administering = putAdministrationTogether(kept, answering, surroundings)
  return { ...kept, ...answering, ...administering }
}
